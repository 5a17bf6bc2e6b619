/**
 * The versions of Node that package.json promises, from the npm packages that hold the program.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { repositoryText, run, SEED_ANSWER, SEED_QUESTION, userPath } from './user.js'

const OLDEST = '20.19.0'
const PROGRAM = `node-${process.platform}-${process.arch}`

/** Path of that version's program. @throws when it cannot be had */
function fetchNode(version: string): string {
  const folder = userPath(`node-${version}`)
  mkdirSync(folder)
  execFileSync('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', `${PROGRAM}@${version}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 100_000,
  })
  return `${folder}/node_modules/${PROGRAM}/bin/node`
}

test('the oldest is the one of package.json', async () => {
  const { engines } = JSON.parse(await repositoryText('package.json')) as { engines: { node: string } }
  expect(`${engines.node}.0`).toBe(`>=${OLDEST}`)
})

test.for([OLDEST, '22', '24'])('Node %s answers the seed question', async (version, context) => {
  let node: string
  try {
    node = fetchNode(version)
  } catch (error) {
    // Not every machine reaches a registry; the answer on its own Node is tested elsewhere.
    const reason = `Node ${version} cannot be fetched: ${(error as Error).message.split('\n').slice(1, 3).join(' ')}`
    console.warn(reason)
    return context.skip(reason)
  }
  expect(await run(node, '--version')).toMatch(new RegExp(`^v${version}`))
  const cli = userPath('node_modules/glassformer/dist/cli.js')
  expect(await run(node, cli, 'ask', SEED_QUESTION)).toMatch(SEED_ANSWER)
})
