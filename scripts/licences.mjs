// The licences of the packages that a bundle holds, in one file beside it.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Packages whose code is in the bundle that another package brings along. */
const WITHIN = { 'gpu.js': ['gpu.js/node_modules/acorn', 'gpu-mock.js'] }

/** @param {import('esbuild').Metafile} metafile @returns {string} */
export function licencesOf(metafile) {
  const bundled = Object.keys(metafile.inputs).flatMap((path) => {
    const name = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]
    return name === undefined ? [] : [name, ...(WITHIN[name] ?? [])]
  })
  return [...new Set(bundled)].sort().map(licenceOf).join('\n\n')
}

/** @throws where a package has none, since then its code may not be passed on */
function licenceOf(name) {
  const folder = join('node_modules', name)
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each))
  if (file === undefined) throw new Error(`${name} has no file with its licence`)
  const { name: shown, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return `${shown} ${version}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
}
