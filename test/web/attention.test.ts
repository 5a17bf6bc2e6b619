/**
 * What the attention panels compute before they draw: colours, places, texts, and the arithmetic of a cell.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkProb, checkScore } from '../../web/attention/cell-arithmetic.js'
import { mapToCsv } from '../../web/attention/csv.js'
import { difference, exact, fixed } from '../../web/attention/digits.js'
import { heatPalette, heatPixels, LEGEND_WEIGHTS, shadeOf, type HeatColours } from '../../web/attention/heat-scale.js'
import { cellAt, cellSize, labelRoom, moveCell } from '../../web/attention/map-layout.js'
import { rowOf, strongestHead, strongestKeys, weightsOf, writtenAfter } from '../../web/attention/map-weights.js'
import { tokenLabel, tokenName } from '../../web/attention/tokens.js'
import type { AttentionMap } from '../../web/protocol.js'
import { AttentionRecorder } from '../support/recorded-attention.js'

const token = (text: string) => ({ id: 0, text, part: 'text' as const, start: 0, end: 0 })

/** Two heads over two queries and three keys. */
const MAP: AttentionMap = {
  attention: 'decoder.0.cross_attention',
  passage: 0,
  queries: [token('<s>'), token(' "Paris"')],
  keys: [token('=1+1'), token(' a, b'), token('\n')],
  numHeads: 2,
  probs: Float32Array.of(0.5, 0.25, 0.25, 0, 1, 0, 0.25, 0.25, 0.5, 0.5, 0, 0.5),
}

describe('the scale of colours', () => {
  const THEMES: Readonly<Record<string, HeatColours>> = {
    light: { paper: [255, 255, 255], accent: [43, 95, 217], ink: [28, 34, 48] },
    dark: { paper: [20, 23, 29], accent: [126, 166, 255], ink: [231, 234, 240] },
  }
  /** Relative luminance of WCAG 2. */
  const luminance = (rgb: Uint8ClampedArray) => {
    const [r, g, b] = Array.from(rgb, (x) =>
      x / 255 <= 0.04045 ? x / 255 / 12.92 : ((x / 255 + 0.055) / 1.055) ** 2.4,
    )
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }

  test.each(Object.entries(THEMES))('%s: begins at paper and goes one way in lightness', (_theme, colours) => {
    const palette = heatPalette(colours)
    const shades = Array.from({ length: 256 }, (_, i) => luminance(palette.subarray(3 * i, 3 * i + 3)))
    expect([...palette.subarray(0, 3)]).toEqual(colours.paper)
    const direction = Math.sign(shades[255] - shades[0])
    expect(shades.slice(1).filter((shade, i) => direction * (shade - shades[i]) < 0)).toEqual([])
    const [lighter, darker] = [Math.max(shades[0], shades[255]), Math.min(shades[0], shades[255])]
    expect((lighter + 0.05) / (darker + 0.05)).toBeGreaterThan(7)
  })

  test('a pixel is the colour of its weight; weights outside 0 to 1 are cut', () => {
    const palette = heatPalette(THEMES.light)
    const pixels = heatPixels(Float32Array.of(0, 1, 0.25, -1, 2), palette)
    const last = [...palette.subarray(765), 255]
    const half = [...palette.subarray(3 * 128, 3 * 129), 255] // √0.25 of 255 is 127.5
    expect([...pixels]).toEqual([255, 255, 255, 255, ...last, ...half, 255, 255, 255, 255, ...last])
  })

  test('the legend spreads its weights along the scale', () => {
    const places = LEGEND_WEIGHTS.map(shadeOf)
    expect(places[0]).toBe(0)
    expect(places.at(-1)).toBe(1)
    expect(Math.min(...places.slice(1).map((place, i) => place - places[i]))).toBeGreaterThan(0.15)
  })
})

describe('the places of cells', () => {
  test('cells fill the width, and stay legible where they do not fit', () => {
    expect(cellSize(500, 25)).toBe(20)
    expect(cellSize(509, 25)).toBe(20)
    expect(cellSize(2000, 9)).toBe(26)
    expect(cellSize(290, 256)).toBe(13)
    expect(cellSize(0, 0)).toBe(26 / 2)
  })

  test('labels get room for the longest, within bounds', () => {
    expect(labelRoom([])).toBe(labelRoom(['is']))
    expect(labelRoom(['capital', 'internationally'])).toBe(labelRoom(['x'.repeat(500)]))
    expect(labelRoom(['a', 'countries'])).toBeGreaterThan(labelRoom(['country']))
  })

  test('a place in the picture is a cell, and outside none', () => {
    const size = { rows: 2, columns: 3 }
    expect(cellAt(0, 0, 20, size)).toEqual({ query: 0, key: 0 })
    expect(cellAt(59.9, 39.9, 20, size)).toEqual({ query: 1, key: 2 })
    expect(cellAt(60, 10, 20, size)).toBeUndefined()
    expect(cellAt(10, 40, 20, size)).toBeUndefined()
    expect(cellAt(-0.1, 10, 20, size)).toBeUndefined()
  })

  test.each([
    ['ArrowRight', { query: 5, key: 6 }],
    ['ArrowLeft', { query: 5, key: 4 }],
    ['ArrowUp', { query: 4, key: 5 }],
    ['ArrowDown', { query: 6, key: 5 }],
    ['Home', { query: 5, key: 0 }],
    ['End', { query: 5, key: 29 }],
    ['PageUp', { query: 0, key: 5 }],
    ['PageDown', { query: 15, key: 5 }],
    ['Tab', undefined],
  ])('%s', (pressed, expected) => {
    expect(moveCell({ query: 5, key: 5 }, pressed, { rows: 20, columns: 30 })).toEqual(expected)
  })

  test('no key leads out of the map', () => {
    const size = { rows: 2, columns: 2 }
    for (const pressed of ['ArrowLeft', 'ArrowUp', 'Home', 'PageUp']) {
      expect(moveCell({ query: 0, key: 0 }, pressed, size)).toEqual({ query: 0, key: 0 })
    }
    for (const pressed of ['ArrowRight', 'ArrowDown', 'End', 'PageDown']) {
      expect(moveCell({ query: 1, key: 1 }, pressed, size)).toEqual({ query: 1, key: 1 })
    }
  })
})

describe('reading a map', () => {
  test('a head, the mean of all, a row', () => {
    expect([...weightsOf(MAP, 1)]).toEqual([0.25, 0.25, 0.5, 0.5, 0, 0.5])
    expect([...weightsOf(MAP, 'mean')]).toEqual([0.375, 0.25, 0.375, 0.25, 0.5, 0.25])
    expect([...rowOf(weightsOf(MAP, 0), 1, 3)]).toEqual([0, 1, 0])
  })

  test('the strongest keys of a row and the strongest head of a pair', () => {
    expect(strongestKeys(Float32Array.of(0.25, 0.5, 0.125, 0.125), 2)).toEqual([
      { key: 1, weight: 0.5 },
      { key: 0, weight: 0.25 },
    ])
    const other = { ...MAP, attention: 'decoder.1.cross_attention', probs: MAP.probs.map((x) => x / 2) }
    const found = { attention: 'decoder.0.cross_attention', head: 1, weight: 0.5 }
    expect(strongestHead([other, MAP], { query: 0, key: 2 })).toEqual(found)
    expect(strongestHead([], { query: 0, key: 0 })).toBeUndefined()
  })

  test('a decoder writes the token after its query, an encoder none', () => {
    expect(writtenAfter(MAP, 0)?.text).toBe(' "Paris"')
    expect(writtenAfter(MAP, 1)).toBeUndefined()
    expect(writtenAfter({ ...MAP, attention: 'encoder.0.self_attention' }, 0)).toBeUndefined()
  })

  test('as CSV, with quotes where a field needs them and no field that a spreadsheet runs', () => {
    expect(mapToCsv(MAP, 0)).toBe(
      'query \\ key,\'=1+1," a, b","\n"\r\n' + '<s>,0.5,0.25,0.25\r\n' + '" ""Paris""",0,1,0\r\n',
    )
  })

  test('CSV keeps every digit of a float32', () => {
    const weight = Math.fround(0.1)
    const one: AttentionMap = {
      ...MAP,
      queries: [token('q')],
      keys: [token('k')],
      numHeads: 1,
      probs: Float32Array.of(weight),
    }
    const written = Number(mapToCsv(one, 0).trim().split(',').at(-1))
    expect(Math.fround(written)).toBe(weight)
  })
})

describe('texts', () => {
  test.each([
    [' Paris', 'Paris', 'Paris'],
    [' ', '␣', 'space'],
    ['\n\n', '⏎', 'line break'],
    ['', '∅', 'empty token'],
    ['</s>', '</s>', '</s>'],
  ])('token %j', (text, label, name) => {
    expect(tokenLabel({ text })).toBe(label)
    expect(tokenName({ text })).toBe(name)
  })

  test('numbers', () => {
    expect(fixed(-1.23456)).toBe('−1.235')
    expect(fixed(-0.0001)).toBe('0.000')
    expect(fixed(-Infinity)).toBe('−∞')
    expect(fixed(-3.4028234663852886e38, 2)).toBe('−∞')
    expect(Math.fround(Number(exact(Math.fround(Math.PI))))).toBe(Math.fround(Math.PI))
    expect(exact(-1e-10)).toBe('−1e−10')
    expect(difference(0)).toBe('0')
    expect(difference(-1.9e-7)).toBe('2e−7')
  })
})

describe('the arithmetic of a cell, on the default reader', () => {
  let recorder: AttentionRecorder
  beforeAll(async () => {
    recorder = await AttentionRecorder.create()
  })
  afterAll(() => recorder?.dispose())

  test('every step done again is what the engine says, but for rounding', () => {
    for (const { attention, queries, keys, numHeads } of recorder.recorded.maps) {
      for (let i = 0; i < 40; i++) {
        const at = { head: i % numHeads, query: (3 * i) % queries.length, key: (7 * i) % keys.length }
        const cell = recorder.cell({ attention, ...at })
        for (const check of [checkScore, checkProb]) {
          expect(check(cell), `${check.name} ${attention} ${JSON.stringify(at)}`).toMatchObject({ isRounding: true })
        }
      }
    }
  })

  test('a key that a mask hides has no score and no weight, and the checks still hold', () => {
    const cell = recorder.cell({ attention: 'decoder.0.self_attention', head: 0, query: 1, key: 5 })
    expect(fixed(cell.score)).toBe('−∞')
    expect(checkProb(cell)).toEqual({ shown: 0, engine: 0, difference: 0, isRounding: true })
    expect(checkScore(cell).isRounding).toBe(true)
  })

  test('a wrong number is told from rounding', () => {
    const cell = recorder.cell({ attention: 'encoder.1.self_attention', head: 0, query: 3, key: 13 })
    const off = 1.00001
    expect(checkScore({ ...cell, score: cell.score * off }).isRounding).toBe(false)
    expect(checkProb({ ...cell, prob: cell.prob * (1 + 1e-4) }).isRounding).toBe(false)
  })
})
