/**
 * What commands write to: results to stdout, progress to stderr, with colours and a moving progress bar only where a person looks.
 */

export interface Terminal {
  /** Writes to stdout. */
  readonly print: (text: string) => void
  /** Width of stdout in characters; undefined when it is not a terminal. */
  readonly width: number | undefined
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  /** Draws a progress bar on stderr, if both outputs are terminals. */
  readonly progress: (label: string, done: number, total: number) => void
  readonly signal: AbortSignal
}

const BAR_WIDTH = 30

export function processTerminal(signal: AbortSignal): Terminal {
  const isTerminal = process.stdout.isTTY === true
  const colours = isTerminal && process.env.NO_COLOR === undefined && process.env.TERM !== 'dumb'
  const style = (code: number) => (text: string) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text)
  return {
    print: (text) => process.stdout.write(`${text}\n`),
    width: isTerminal ? process.stdout.columns : undefined,
    bold: style(1),
    dim: style(2),
    progress: (label, done, total) => {
      if (!isTerminal || process.stderr.isTTY !== true) return
      const filled = Math.round((done / total) * BAR_WIDTH)
      const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled)
      const line = `${label} ${bar} ${done}/${total}`
      process.stderr.write(done < total ? `\r${line}` : `\r${' '.repeat(line.length)}\r`)
    },
    signal,
  }
}

/** The text on one line, cut to `width` characters with an ellipsis where there is a width. */
export function oneLine(text: string, width: number | undefined): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return width !== undefined && line.length > width ? `${line.slice(0, Math.max(0, width - 1))}…` : line
}
