/**
 * What README.md and examples/ say is what happens.
 */
import { cp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { writeRagFolder } from '../support/rag-folder.js'
import { repositoryText, ROOT, run, runTypeScript, SEED_ANSWER, typeCheck, userPath, write } from './user.js'

/** Language and content of fenced blocks. */
const BLOCK = /^```(\w+)\n(.*?)^```$/gms

/** The folders that README.md calls the user's own, and a small stand-in for the one that examples/seed.ts names. */
beforeAll(async () => {
  const weights = userPath('node_modules/glassformer/weights')
  await cp(`${weights}/reader`, userPath('my-t5'), { recursive: true })
  await cp(`${weights}/all-MiniLM-L6-v2`, userPath('my-sentence-transformer'), { recursive: true })
  await writeRagFolder('rag/sequence-bart', userPath('facebook/rag-sequence-nq'))
})

/** The commands of a console block, each followed by what it prints. */
async function runConsole(block: string): Promise<string> {
  let transcript = ''
  for (const [line, command] of block.matchAll(/^\$ (.*)$/gm)) {
    if (transcript !== '') transcript += '\n'
    transcript += `${line}\n${await run('bash', '-c', command)}`
  }
  return transcript
}

/**
 * README.md with every output made anew: what a `ts` block prints stands in the `text` block after it, what a command prints under it.
 * `npx vitest --project package -u` writes it.
 */
test('README.md shows what its commands and programs print', async () => {
  let printed = ''
  let rendered = ''
  let end = 0
  const text = await repositoryText('README.md')
  const programs: string[] = []
  for (const { 0: whole, 1: language, 2: content, index } of text.matchAll(BLOCK)) {
    let output = content
    if (language === 'console') output = await runConsole(content)
    if (language === 'text') output = printed
    if (language === 'ts') {
      const file = `readme/${programs.length + 1}.ts`
      programs.push(file)
      await write(file, content)
      printed = await runTypeScript(file)
    }
    rendered += `${text.slice(end, index)}\`\`\`${language}\n${output}\`\`\``
    end = index + whole.length
  }
  await typeCheck('bundler', ...programs)
  expect(programs.length).toBeGreaterThan(3)
  await expect(rendered + text.slice(end)).toMatchFileSnapshot(join(ROOT, 'README.md'))
})

test('the first command of README.md answers in a clone', async () => {
  const [command] = /^npm run -s ask .*$/m.exec(await repositoryText('README.md'))!
  expect(await run('bash', '-c', `cd '${ROOT}' && ${command}`)).toMatch(SEED_ANSWER)
})

const PRINTED: Readonly<Record<string, RegExp>> = {
  'ask.ts': /^The currency of Iceland is the Icelandic króna\.\n {2}Iceland: retrieved 0\.\d+/,
  'hooks.ts': /\nseeing: The capital of France is Paris\.\nblind: {2}(?!The capital of France is Paris\.)/,
  'passages.ts': /^The capital of Arlen is Brask\.\nThe capital of Veld is Sundhavn\. .*\nI don't know\. /,
  'seed.ts': /^\[\s+'.+'\s+\]\n$/,
}

test('every example is run here', async () => {
  expect(await readdir(join(ROOT, 'examples'))).toEqual(Object.keys(PRINTED))
})

test.each(Object.entries(PRINTED))('examples/%s', async (file, printed) => {
  await write(`examples/${file}`, await repositoryText(`examples/${file}`))
  await typeCheck('bundler', `examples/${file}`)
  expect(await runTypeScript(`examples/${file}`)).toMatch(printed)
})
