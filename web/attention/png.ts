/**
 * A map as a PNG, drawn anew with its labels at a size that prints well.
 */
import type { AttentionMap } from '../protocol.js'
import { heatPalette, heatPixels, type HeatColours } from './heat-scale.js'
import { labelRoom } from './map-layout.js'
import { headName, weightsOf, type HeadChoice } from './map-weights.js'
import { tokenLabel } from './tokens.js'

/** Pixels. */
const CELL = 32
const LARGEST_SIDE = 8192
const TITLE = 48
const MARGIN = 16

/** `colours` are those of the page's theme: {@link coloursAt}. */
export async function toPng(map: AttentionMap, head: HeadChoice, colours: HeatColours): Promise<Blob> {
  const { queries, keys } = map
  const room = 2 * labelRoom([...queries, ...keys].map(tokenLabel))
  const longer = Math.max(queries.length, keys.length)
  const cell = Math.max(1, Math.min(CELL, Math.floor((LARGEST_SIDE - room - TITLE - MARGIN) / longer)))
  const [left, top] = [room, TITLE + room]
  const [width, height] = [left + cell * keys.length + MARGIN, top + cell * queries.length + MARGIN]
  const canvas = new OffscreenCanvas(Math.max(width, MIN_WIDTH), height)
  const context = canvas.getContext('2d')!
  const css = ([red, green, blue]: readonly number[]) => `rgb(${red}, ${green}, ${blue})`

  context.fillStyle = css(colours.paper)
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.imageSmoothingEnabled = false
  context.drawImage(pictureOf(map, head, colours), left, top, cell * keys.length, cell * queries.length)

  context.fillStyle = css(colours.ink)
  context.font = '24px system-ui, sans-serif'
  context.textBaseline = 'middle'
  context.fillText(`${map.attention}, ${headName(head)}`, MARGIN, TITLE / 2)
  context.font = `${Math.min(24, cell)}px system-ui, sans-serif`
  for (const [i, token] of keys.entries()) {
    context.save()
    context.translate(left + (i + 0.5) * cell, top - 8)
    context.rotate(-Math.PI / 2)
    context.fillText(tokenLabel(token), 0, 0, room - 8)
    context.restore()
  }
  context.textAlign = 'end'
  for (const [i, token] of queries.entries()) {
    context.fillText(tokenLabel(token), left - 8, top + (i + 0.5) * cell, room - 8)
  }
  return canvas.convertToBlob({ type: 'image/png' })
}

/** Room for the title of a narrow map. */
const MIN_WIDTH = 640

/** One pixel for each weight. */
function pictureOf(map: AttentionMap, head: HeadChoice, colours: HeatColours): OffscreenCanvas {
  const picture = new OffscreenCanvas(map.keys.length, map.queries.length)
  const pixels = heatPixels(weightsOf(map, head), heatPalette(colours))
  picture.getContext('2d')!.putImageData(new ImageData(pixels, map.keys.length), 0, 0)
  return picture
}
