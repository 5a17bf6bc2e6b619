// npm test: every stage, or those named: `npm test -- lint unit`. A failed stage does not keep the others from running, unless
// they need what it makes. The last line is the sum of all: `N passed, N failed`, and how many were skipped, if any.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** @typedef {{ passed: number, failed: number, skipped: number, failures?: string[] }} Counts */

const NOTHING = { passed: 0, failed: 0, skipped: 0 }
const CACHE = fileURLToPath(new URL('../node_modules/.cache/glassformer', import.meta.url))

/**
 * In the order in which they run. A check is a program that exits with 0; a project's tests are counted one by one. `node24` runs
 * what computes on the Node that has relaxed SIMD, which comes from npm, wherever this is another one.
 */
const STAGES = [
  { name: 'types', checks: [['node_modules/typescript/bin/tsc', '--noEmit']] },
  {
    name: 'lint',
    checks: [
      ['node_modules/eslint/bin/eslint.js', '.', '--max-warnings', '0'],
      ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'],
    ],
  },
  { name: 'build', checks: [['scripts/build-kernels.mjs', '--check'], ['scripts/build.mjs']] },
  { name: 'unit', project: 'unit', needs: 'build' },
  {
    name: 'node24',
    project: 'unit',
    node: '24',
    env: { TEST_BACKENDS: 'wasm' },
    files: ['test/backends', 'test/models', 'test/generation', 'test/rag', 'test/lessons'],
  },
  { name: 'browser', project: 'browser', needs: 'build' },
  { name: 'package', project: 'package', needs: 'build' },
  { name: 'postgres', project: 'postgres' },
  { name: 'fuzz', checks: [['--import', 'tsx', 'test/fuzz/run.ts', '--seconds', '30', '--seed', '1']], needs: 'build' },
  // tiny sizes and no peers: only whether the programs still run
  {
    name: 'bench',
    checks: [
      ['--import', 'tsx', 'bench/run.ts', '--small', '--peers', 'none', '--out', CACHE],
      ['--import', 'tsx', 'bench/rag-quality.ts', '--small', '--out', CACHE],
      ['--import', 'tsx', 'bench/long-run.ts', '--cycles', '3', '--requests', '20', '--questions', '0', '--out', CACHE],
    ],
    needs: 'build',
  },
]

/** Whether a script exits with 0. */
function succeeds(args, node = process.execPath, env = {}) {
  const { status, error } = spawnSync(node, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  })
  if (error) console.error(error.message)
  return status === 0
}

/** @returns {Counts} */
function runChecks(checks) {
  const failed = checks.filter((check) => !succeeds(check)).length
  return { ...NOTHING, passed: checks.length - failed, failed }
}

/** Path of another Node. @throws Error that says why it cannot be had */
function fetchNode(version) {
  const name = `node-${process.platform}-${process.arch}`
  const folder = join(CACHE, `node-${version}`)
  mkdirSync(folder, { recursive: true })
  const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', `${name}@${version}`]
  const { status, stderr } = spawnSync('npm', args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
  if (status !== 0) throw new Error(`Node ${version} cannot be fetched: ${stderr.trim().split('\n')[0]}`)
  return join(folder, 'node_modules', name, 'bin', 'node')
}

/** @returns {Counts} */
function runOnNode({ project, node: version, files, env }) {
  if (process.versions.node.startsWith(`${version}.`)) {
    console.log(`skipped: this is Node ${version}, on which all of it ran`)
    return { ...NOTHING, skipped: 1 }
  }
  try {
    return runProject(project, files, fetchNode(version), env)
  } catch (error) {
    console.log(`skipped: ${error.message}`)
    return { ...NOTHING, skipped: 1 }
  }
}

/** @returns {Counts} */
function runProject(project, files = [], node = process.execPath, env = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'glassformer-report-'))
  const report = join(folder, 'report.json')
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const succeeded = succeeds(
      ['node_modules/vitest/vitest.mjs', 'run', '--project', project, ...reporters, ...files],
      node,
      env,
    )
    return count(report, succeeded)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A run without a failed test may have failed outside of tests, and one without a report before the first of them. */
function count(report, succeeded) {
  try {
    const { testResults, ...sums } = JSON.parse(readFileSync(report, 'utf8'))
    const tests = testResults.flatMap(({ assertionResults }) => assertionResults)
    return {
      passed: sums.numPassedTests,
      failed: succeeded ? sums.numFailedTests : Math.max(1, sums.numFailedTests),
      skipped: sums.numPendingTests + sums.numTodoTests,
      failures: tests.filter(({ status }) => status === 'failed').map(nameFailure),
    }
  } catch (error) {
    console.error(`no report: ${error.message}`)
    return { ...NOTHING, failed: 1 }
  }
}

/** A line about a failed test: its name, and the first line of what it says. */
function nameFailure({ fullName, failureMessages: [message = ''] }) {
  return `${fullName}: ${message.split('\n')[0]}`
}

/** @returns {Counts} */
function run({ checks, project, ...stage }) {
  if (checks) return runChecks(checks)
  return stage.node ? runOnNode({ project, ...stage }) : runProject(project)
}

/** The stages of these names, with what they need; all where none is named. */
function chosen(names) {
  const unknown = names.filter((name) => !STAGES.some((stage) => stage.name === name))
  if (unknown.length > 0) {
    console.error(`no stage ${unknown.join(', ')}; stages: ${STAGES.map(({ name }) => name).join(', ')}`)
    process.exit(2)
  }
  if (names.length === 0) return STAGES
  const needed = STAGES.filter(({ name }) => names.includes(name)).map(({ needs }) => needs)
  return STAGES.filter(({ name }) => names.includes(name) || needed.includes(name))
}

const show = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const results = new Map()
for (const stage of chosen(process.argv.slice(2))) {
  const { name, needs } = stage
  console.log(`\n== ${name}`)
  const start = performance.now()
  const blocked = results.get(needs)?.failed > 0
  if (blocked) console.error(`not run, because ${needs} failed`)
  const counts = blocked ? { ...NOTHING, failed: 1 } : run(stage)
  results.set(name, { ...counts, seconds: (performance.now() - start) / 1000 })
}

console.log()
for (const [name, { failures = [] }] of results) {
  for (const failure of failures) console.log(`failed in ${name}: ${failure}`)
}
const sum = { ...NOTHING }
for (const [name, counts] of results) {
  console.log(`${name.padEnd(8)} ${counts.seconds.toFixed(1).padStart(6)} s  ${show(counts)}`)
  for (const key of Object.keys(sum)) sum[key] += counts[key]
}
console.log(`\n${show(sum)}`)
process.exitCode = sum.failed > 0 ? 1 : 0
