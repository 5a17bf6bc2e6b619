import { describe, expect, test } from 'vitest'
import { AddressError, formatAddress, parseAddress, type Address } from '../../web/app/address.js'
import { SEED_SCENE } from '../../web/app/seed.js'

const OPENING: Address = { scene: SEED_SCENE, selection: {}, tried: [], backend: 'wasm' }
const FULL: Address = {
  scene: {
    question: 'Wer ist „A & B“? 100 % #1 = 👩‍🚀',
    passages: [
      { id: 'a/b=c&d', title: 'One: two', text: 'First line\nsecond line, with = and & and #.' },
      { id: '2', title: '', text: ' leading space' },
    ],
    served: false,
    topK: 7,
    mode: 'rag-token',
    dropped: ['2', 'a/b=c&d'],
    scores: { 'a/b=c&d': -0.25, '2': 0 },
    ablated: [{ attention: 'decoder.1.cross_attention', head: 3 }],
  },
  selection: {
    passage: 0,
    encoder: { attention: 'encoder.3.self_attention', head: 'mean', query: 4, key: 11 },
    decoder: { attention: 'decoder.0.self_attention', head: 2, query: 0, key: 1 },
  },
  tried: [
    { attention: 'encoder.0.self_attention', head: 0 },
    { attention: 'encoder.0.self_attention', head: 7 },
  ],
  backend: 'webgl2',
}

describe('a state comes back from its address', () => {
  test('the opening example has none', () => {
    expect(formatAddress(OPENING)).toBe('')
    expect(parseAddress('')).toEqual(OPENING)
  })

  test('with everything changed', () => {
    expect(parseAddress(formatAddress(FULL))).toEqual(FULL)
  })

  test('the documents of the server, whose ids hold paths', () => {
    const dropped = [`${'a long folder/'.repeat(40)}notes.md#12`]
    const address = { ...OPENING, scene: { ...SEED_SCENE, passages: undefined, served: true, dropped } }
    expect(formatAddress(address)).toMatch(/^#served=1&drop=/)
    expect(parseAddress(formatAddress(address))).toEqual(address)
  })

  test('the corpus, and no passages at all, are two things', () => {
    for (const passages of [undefined, []]) {
      const address = { ...OPENING, scene: { ...SEED_SCENE, passages } }
      expect(parseAddress(formatAddress(address)).scene.passages).toEqual(passages)
    }
  })

  test('is short for a question alone', () => {
    expect(formatAddress({ ...OPENING, scene: { ...SEED_SCENE, question: 'Why?' } })).toBe('#q=Why%3F')
  })
})

describe('an address that holds no state is refused', () => {
  test.each([
    ['#mode=best', 'mode'],
    ['#backend=cuda', 'backend'],
    ['#k=0', 'k'],
    ['#k=1e1', 'k'],
    ['#k=999999', 'k'],
    ['#score.1=NaN', 'score.1'],
    ['#score.1=', 'score.1'],
    ['#score.1=1e9', 'score.1'],
    ['#score.__proto__=1', '__proto__'],
    ['#p.=text', 'passage id'],
    [`#p.${'x'.repeat(2000)}=a`, 'passage id'],
    [`#q=${'x'.repeat(3000)}`, 'question'],
    [`#${'x'.repeat(200_000)}`, 'longer'],
    ['#off=encoder.0.self_attention', 'off'],
    ['#off=<script>:1', 'off'],
    ['#try=encoder.0.self_attention:1:2', 'try'],
    ['#encoder=decoder.0.self_attention:0:1:1', 'encoder'],
    ['#encoder=encoder.0.self_attention:0:1', 'encoder'],
    ['#decoder=decoder.0.cross_attention:x:1:1', 'decoder'],
    ['#passage=-1', 'passage'],
    ['#constructor=1', 'constructor'],
  ])('%.40s', (hash, named) => {
    expect(() => parseAddress(hash)).toThrow(AddressError)
    expect(() => parseAddress(hash)).toThrow(named)
  })

  test('what it quotes of a hostile one is short', () => {
    const hash = `#mode=${'<img onerror=x>'.repeat(100)}`
    expect(() => parseAddress(hash)).toThrow(/^.{0,160}$/)
  })
})
