import { expect, test } from 'vitest'
import { blockTypeFor, inBlocks } from '../../src/layers/weight-blocks.js'
import { randomNumbers, randomTensor } from '../support/random.js'

test('which format a matrix gets', () => {
  expect(blockTypeFor('q8', 'linear', 576)).toBe('q8_0')
  expect(blockTypeFor('q8', 'both', 256)).toBe('q8_0')
  expect(blockTypeFor('q4', 'linear', 1536)).toBe('q4_k')
  expect(blockTypeFor('q4', 'linear', 576)).toBe('q4_1')
  expect(blockTypeFor('q4', 'both', 1536)).toBe('q6_k')
  expect(blockTypeFor('q4', 'both', 576)).toBe('q8_0')
})

test('what cannot be in blocks, or is only looked up, stays as it is', () => {
  const odd = randomTensor(randomNumbers(1), [4, 40])
  expect(inBlocks('q8', 'linear', odd)).toBe(odd)
  const table = randomTensor(randomNumbers(1), [4, 64])
  expect(inBlocks('q4', 'gather', table)).toBe(table)
  const blocks = inBlocks('q4', 'linear', table)
  expect(blocks.dtype).toBe('q4_1')
  expect(inBlocks('q8', 'linear', blocks)).toBe(blocks)
})

test('half floats and views are quantised as what they stand for', () => {
  const matrix = randomTensor(randomNumbers(2), [64, 32])
  const turned = matrix.transpose()
  const wanted = inBlocks('q8', 'linear', turned.copy()).to('float32').toArray()
  expect(inBlocks('q8', 'linear', turned).to('float32').toArray()).toEqual(wanted)
  const half = matrix.to('float16')
  expect(inBlocks('q8', 'linear', half).toArray()).toEqual(inBlocks('q8', 'linear', half.to('float32')).toArray())
})
