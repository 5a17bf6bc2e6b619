/**
 * The little of SVG that the charts need. Colours follow the reader's light or dark scheme through CSS, and every mark is written
 * out in words too, so that no colour carries meaning alone.
 */
const STYLE = `
  svg { font: 12px system-ui, sans-serif; --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --ground: #ffffff; --good: #1a7f37; --bad: #bc4c00;
        --a: #0969da; --b: #bc4c00; --c: #1a7f37; --d: #8250df; --e: #9a6700; --f: #bf3989 }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #f0f6fc; --soft: #9198a1; --line: #3d444d; --ground: #0d1117; --good: #3fb950; --bad: #f0883e;
          --a: #58a6ff; --b: #f0883e; --c: #3fb950; --d: #bc8cff; --e: #d29922; --f: #f778ba }
  }
  text { fill: var(--ink) } .soft { fill: var(--soft) } .title { font-weight: 600; font-size: 15px } .head { font-weight: 600 }
  .line { stroke: var(--line); fill: none } .one { stroke: var(--ink); fill: none }
`

export type Attributes = Readonly<Record<string, string | number>>

export function element(name: string, attributes: Attributes, content = ''): string {
  const listed = Object.entries(attributes).map(([key, value]) => ` ${key}="${escape(String(value))}"`)
  return `<${name}${listed.join('')}>${content}</${name}>`
}

export function label(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return element('text', { x: round(x), y: round(y), ...attributes }, escape(text))
}

export function rule(
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  attributes: Attributes = { class: 'line' },
): string {
  return element('line', { x1: round(x1), y1: round(y1), x2: round(x2), y2: round(y2), ...attributes })
}

export function picture(width: number, height: number, title: string, parts: readonly string[]): string {
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`
  const ground = element('rect', { width, height, style: 'fill: var(--ground)' })
  const lines = [head, element('title', {}, escape(title)), `<style>${STYLE}</style>`, ground, ...parts, '</svg>']
  return `${lines.join('\n')}\n`
}

/** Maps the logarithm of [low, high] to [from, to]. */
export function logScale(low: number, high: number, from: number, to: number): (value: number) => number {
  const span = Math.log(high / low) || 1
  return (value) => from + (Math.log(value / low) / span) * (to - from)
}

/** 1, 2 and 5 times the powers of ten within [low, high]. */
export function logTicks(low: number, high: number): number[] {
  const ticks: number[] = []
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const digit of [1, 2, 5]) {
      const tick = digit * 10 ** power
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick)
    }
  }
  return ticks
}

export function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escape(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}
