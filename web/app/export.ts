/**
 * What is taken away from the page: numbers as CSV or JSON, pictures as PNG.
 */
import type { Walk } from '../protocol.js'

export interface Saved {
  readonly name: string
  readonly content: string | Blob
}

const TYPES: Readonly<Record<string, string>> = { csv: 'text/csv', json: 'application/json' }

/** Hands a file to the browser's downloads. */
export function save({ name, content }: Saved): void {
  const type = TYPES[name.slice(name.lastIndexOf('.') + 1)]
  const url = URL.createObjectURL(typeof content === 'string' ? new Blob([content], { type }) : content)
  const link = document.createElement('a')
  link.href = url
  link.download = `glassformer-${name}`
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

/** The whole walk; typed arrays as lists of numbers. */
export function toJson(walk: Walk): string {
  return JSON.stringify(walk, (_, value: unknown) => (value instanceof Float32Array ? [...value] : value), 2)
}

/** What the style sheet gives to a shape; written into the copy as attributes, since a picture on its own has no style sheet. */
const PAINTED = ['fill', 'stroke', 'stroke-width', 'opacity', 'font-size', 'font-family', 'text-anchor'] as const

/** The first SVG within an element as a PNG, twice as fine as it is shown. */
export async function svgPicture(element: Element): Promise<Blob> {
  const svg = element.querySelector('svg')
  if (!svg) throw new Error('there is no picture here yet: wait until the figure is drawn')
  const { width, height } = svg.getBoundingClientRect()
  const copy = svg.cloneNode(true) as SVGSVGElement
  const originals = [svg, ...svg.querySelectorAll('*')]
  const copies = [copy, ...copy.querySelectorAll('*')]
  originals.forEach((original, i) => {
    const style = getComputedStyle(original)
    for (const name of PAINTED) copies[i].setAttribute(name, style.getPropertyValue(name))
  })
  copy.setAttribute('width', String(width))
  copy.setAttribute('height', String(height))
  const source = new XMLSerializer().serializeToString(copy)
  const image = new Image()
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(source)}`
  await image.decode()
  const canvas = document.createElement('canvas')
  canvas.width = Math.round(width * 2)
  canvas.height = Math.round(height * 2)
  const context = canvas.getContext('2d')!
  context.fillStyle = getComputedStyle(document.body).backgroundColor
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(image, 0, 0, canvas.width, canvas.height)
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) =>
      blob ? resolve(blob) : reject(new Error('the browser could not make a PNG of this picture')),
    )
  })
}
