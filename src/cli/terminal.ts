/**
 * What commands write to: results to stdout, progress to stderr, with colours and a moving progress bar only where a person looks.
 */
import stringWidth from 'string-width'

export interface Terminal {
  /** Writes a line to stdout. */
  readonly print: (text: string) => void
  /** Writes a piece of a line to stdout. On a terminal without control characters: what a model writes does not move the cursor. */
  readonly write: (piece: string) => void
  /** Width of stdout in characters; undefined when it is not a terminal. */
  readonly width: number | undefined
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  /** Before and after a highlighted word: inverse video, or an asterisk where there are no colours. */
  readonly mark: readonly [string, string]
  /** Before and after the words that answer, in a quote: bold and underlined, or in « » where there are no colours. */
  readonly emphasis: readonly [string, string]
  /**
   * Draws a progress bar on stderr, if both outputs are terminals; behind it stands the note, by default `done/total`. Elsewhere a line now and
   * then says how far it is.
   */
  readonly progress: (label: string, done: number, total: number, note?: string) => void
  /** Writes to stderr, in the place of a progress bar that is still there. */
  readonly fail: (text: string) => void
  readonly signal: AbortSignal
}

/** What is said of the loading of models, and what ends it. */
export type LoadingTerminal = Pick<Terminal, 'progress' | 'signal'>

const BAR_WIDTH = 30
/** Milliseconds between lines that say how far it is, where no bar moves. */
const LINE_EVERY = 20_000

export function processTerminal(signal: AbortSignal): Terminal {
  const isTerminal = process.stdout.isTTY === true
  const colours = isTerminal && process.env.NO_COLOR === undefined && process.env.TERM !== 'dumb'
  let bar = '' // as it stands on the screen
  const clearBar = () => {
    if (bar !== '') process.stderr.write(`\r${' '.repeat(bar.length)}\r`)
    bar = ''
  }
  const progressLine = sparseLines(
    (line) => process.stderr.write(`${line}\n`),
    () => performance.now(),
  )
  const style = (code: number) => (text: string) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text)
  return {
    print: (text) => process.stdout.write(`${text}\n`),
    write: (piece) => process.stdout.write(isTerminal ? printable(piece) : piece),
    width: (isTerminal && process.stdout.columns) || undefined, // a terminal may say 0
    bold: style(1),
    dim: style(2),
    mark: colours ? ['\u001b[7m', '\u001b[0m'] : ['*', '*'],
    emphasis: colours ? ['\u001b[1;4m', '\u001b[0m'] : ['«', '»'],
    progress: (label, done, total, note = `${done}/${total}`) => {
      if (!isTerminal || process.stderr.isTTY !== true) {
        if (done < total) progressLine(`${label} ${note}`)
        return
      }
      clearBar()
      if (done >= total) return
      const filled = Math.round((done / total) * BAR_WIDTH)
      bar = `${label} ${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)} ${note}`
      process.stderr.write(bar)
    },
    fail: (text) => {
      clearBar()
      process.stderr.write(`${text}\n`)
    },
    signal,
  }
}

/** Writes of the lines that it is given one every twenty seconds, and none in the first. */
export function sparseLines(write: (line: string) => void, now: () => number): (line: string) => void {
  let last = now()
  return (line) => {
    if (now() - last < LINE_EVERY) return
    last = now()
    write(line)
  }
}

/** `1 passage`, `2 passages` */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** Without control characters, but for the ends of lines and tabs. */
export function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, '')
}

/**
 * The text on one line, without control characters (which could move the cursor of whoever reads it), cut to `width` columns with an
 * ellipsis where there is a width.
 */
export function oneLine(text: string, width: number | undefined): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim()
  return width === undefined ? line : cutLine(line, width)
}

/** A line in at most `width` columns, with an ellipsis where it is cut. */
export function cutLine(line: string, width: number): string {
  if (stringWidth(line) <= width) return line
  let shown = ''
  for (const { segment } of new Intl.Segmenter('en').segment(line)) {
    if (stringWidth(shown + segment) >= width) break
    shown += segment
  }
  return `${shown}…`.slice(0, Math.max(0, width))
}

/** As {@link cutLine}, but what is cut off is the beginning. */
export function cutStart(line: string, width: number): string {
  if (stringWidth(line) <= width) return line
  let shown = ''
  for (const { segment } of [...new Intl.Segmenter('en').segment(line)].reverse()) {
    if (stringWidth(segment + shown) >= width) break
    shown = segment + shown
  }
  return width <= 0 ? '' : `…${shown}`
}
