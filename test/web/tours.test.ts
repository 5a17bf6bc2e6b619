import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { STATIONS } from '../../web/app/stations.js'
import { TOURS } from '../../web/tours/tours.js'

test('there is a tour for each lesson, in their order', () => {
  for (const [i, { lesson }] of TOURS.entries()) {
    expect(lesson.startsWith(`0${i + 1}-`)).toBe(true)
    expect(existsSync(new URL(`../../lessons/${lesson}`, import.meta.url))).toBe(true)
  }
  expect(TOURS.length).toBe(8)
})

test('every tour stops at panels that exist, and asks the reader to do something', () => {
  const panels = STATIONS.map(({ id }) => id as string)
  for (const { stops } of TOURS) {
    for (const { at } of stops) expect(panels).toContain(at)
    expect(stops.some(({ task }) => task)).toBe(true)
  }
})
