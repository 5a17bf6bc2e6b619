/**
 * Generated shaders, laid out for reading. gpu.js writes statements one behind the other; here each has a line, and braces indent. No
 * other character is changed.
 */

/** What gpu.js puts before a kernel in GLSL, and the kernel's own part, which begins with its parameters. WGSL has no such beginning. */
export function splitShader(text: string): { readonly before: string; readonly own: string } {
  const start = text.search(/^(uniform|layout|in) .*\buser_/m)
  const at = text.startsWith('#version') && start > 0 ? start : 0
  return { before: text.slice(0, at).trimEnd(), own: text.slice(at) }
}

/** One statement a line, indented by braces. */
export function layOutShader(text: string): string {
  let depth = 0
  return statementsOf(text)
    .map((line) => {
      const closes = /^[}]+/.exec(line)?.[0].length ?? 0
      const indent = '  '.repeat(Math.max(0, depth - closes))
      depth += count(line, '{') - count(line, '}')
      return indent + line
    })
    .join('\n')
}

/** Lines, broken after each semicolon and brace outside of parentheses. */
function statementsOf(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const parts: string[] = []
    let [part, parentheses] = ['', 0]
    for (const character of line.trim()) {
      if (character === '}' && part.trim() !== '' && !part.includes('{')) {
        parts.push(part)
        part = ''
      }
      part += character
      if (character === '(') parentheses++
      else if (character === ')') parentheses--
      else if (character === ';' && parentheses === 0) {
        parts.push(part)
        part = ''
      }
    }
    return [...parts, part].map((each) => each.trim()).filter((each) => each !== '')
  })
}

function count(line: string, character: string): number {
  return line.split(character).length - 1
}
