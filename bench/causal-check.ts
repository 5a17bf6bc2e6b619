/**
 * Whether the words that provenance names are words that the answer depends on. A word is removed from what the reader reads, and the
 * probability of each token of the same answer is taken again: the word that a token is said to come from should lower it more than
 * another word of the same text does. Removed means deleted from the text: the reader is asked again as if the author had not written the word, so
 * that nothing of it is left in its neighbours' states either. (Masking only the keys of its tokens would leave what self-attention
 * has already carried elsewhere.)
 */
import { readerInput, type Rag } from '../src/rag/index.js'
import { Provenance, wordSpans, type InputWord } from '../src/rag/reading/provenance.js'
import type { ReadablePassage } from '../src/rag/reading/reader-input.js'
import type { TextSpan } from '../src/tokenizer/index.js'
import { Random } from './random.js'

/** What removing words does to one token of an answer. */
export interface Case {
  readonly question: string
  readonly token: string
  /** Whether the token's word stands in the question too, so that it can have been copied from there. */
  readonly inQuestion: boolean
  /** By how much removing the named word lowers the token's probability; 0 where no word is named. */
  readonly named: Drop
  /** The same for the token to which plain attention goes most. */
  readonly raw: Drop
}

export interface Drop {
  /** undefined where what is named is no word: a special token or punctuation. */
  readonly word: string | undefined
  readonly drop: number
  /** The mean over all other words of the same text, which is what a random one does on average. */
  readonly others: number
  /** Whether no other word of the same text lowers it more. */
  readonly isGreatest: boolean
}

/** Words of answers that say nothing about the passage. */
const FUNCTION_WORDS = new Set(
  'a an and at by called for from her his in is it known of on people person the to was'.split(' '),
)

/** What is needed of an answer here. */
interface AnswerText {
  readonly text: string
  readonly tokens: readonly { readonly text: string }[]
}

/** Places in an answer of the tokens that belong to words with a meaning of their own. */
export function contentTokens(answer: AnswerText): { readonly token: number; readonly word: string }[] {
  const { text, tokens } = answer
  const words = wordSpans(text)
  let end = 0
  return tokens.flatMap((token, t) => {
    const start = end + token.text.length - token.text.trimStart().length
    end += token.text.length
    const span = words.find((word) => word.start <= start && start < word.end)
    const word = span && text.slice(span.start, span.end)
    return word === undefined || token.text.trim() === '' || FUNCTION_WORDS.has(word.toLowerCase())
      ? []
      : [{ token: t, word }]
  })
}

/** Every content token of the answer to a question; none where the pipeline abstains. */
export async function checkQuestion(rag: Rag, question: string): Promise<Case[]> {
  const answer = await rag.ask(question, { sources: true, minProbability: 0 }) // an unlikely answer has its words from somewhere, too
  if (answer.abstained) return []
  const ids = answer.tokens.map(({ id }) => id)
  const removals = new Map<number, Promise<Removals>>()
  const cases: Case[] = []
  for (const { token, word } of contentTokens(answer)) {
    const { posterior, sources = [] } = answer.tokens[token]
    const source = sources.at(0)
    const z = source?.passage ?? posterior.indexOf(Math.max(...posterior))
    if (!removals.has(z)) removals.set(z, removeEach(rag, question, answer.passages[z], ids))
    const removed = await removals.get(z)!
    cases.push({
      question,
      token: answer.tokens[token].text,
      inQuestion: question.toLowerCase().includes(word.toLowerCase()),
      named: removed.drop(token, source),
      raw: removed.drop(token, removed.mostAttended(token)),
    })
  }
  return cases
}

interface Removals {
  readonly drop: (token: number, place: InputWord | undefined) => Drop
  readonly mostAttended: (token: number) => InputWord | undefined
}

/** Scores an answer under a passage without each of its words, and without each word of the question. */
async function removeEach(
  rag: Rag,
  question: string,
  passage: ReadablePassage,
  ids: readonly number[],
): Promise<Removals> {
  const { reader } = rag
  const fields = { title: passage.title, text: passage.text, question }
  const provenance = Provenance.of({ tokenizer: reader.tokenizer, format: readerInput }, [passage], question)!
  const [{ words: places, wordOfToken }] = provenance.inputs // of the passage first
  const ofPassage = places.filter(({ field }) => field !== 'question')
  const attention = provenance.watch()
  const [whole] = await (await reader.read(question, [passage])).score(ids, { hooks: attention.hooks })
  const without = ofPassage.map((place) => ({ ...passage, [place.field]: withoutWord(fields[place.field], place) }))
  const scores = without.length > 0 ? await (await reader.read(question, without)).score(ids) : []
  for (const place of places.slice(ofPassage.length)) {
    scores.push(...(await (await reader.read(withoutWord(question, place), [passage])).score(ids)))
  }
  const dropOf = (i: number, token: number) => Math.exp(whole[token]) - Math.exp(scores[i][token])
  return {
    drop: (token, place) => {
      const named = places.findIndex(({ field, start }) => field === place?.field && start === place.start)
      const inQuestion = place?.field === 'question'
      const others = places.flatMap(({ field }, i) =>
        i !== named && (field === 'question') === inQuestion ? [dropOf(i, token)] : [],
      )
      const drop = named < 0 ? 0 : dropOf(named, token)
      return {
        word: named < 0 ? undefined : fields[places[named].field].slice(places[named].start, places[named].end),
        drop,
        others: others.reduce((sum, other) => sum + other, 0) / Math.max(1, others.length),
        isGreatest: named >= 0 && others.every((other) => drop >= other),
      }
    },
    mostAttended: (token) => {
      const shares = attention.of(0, token)
      const word = wordOfToken[shares.indexOf(Math.max(...shares))]
      return word < 0 ? undefined : places[word]
    },
  }
}

/** The text without a word and a space beside it. */
export function withoutWord(text: string, { start, end }: TextSpan): string {
  const [before, after] = [text.slice(0, start), text.slice(end)]
  return after.startsWith(' ') ? before + after.slice(1) : before.trimEnd() + after
}

/** How often the named word lowers the token's probability more than another word does. */
export interface Rate {
  readonly cases: number
  readonly rate: number
  /** 95 %, from 2,000 samples of the questions with replacement: tokens of one answer are not independent. */
  readonly low: number
  readonly high: number
  /** How often no other word lowers it more. */
  readonly greatest: number
  /** Means over the cases. */
  readonly drop: number
  readonly others: number
}

const SAMPLES = 2000

export function rate(cases: readonly Case[], which: 'named' | 'raw'): Rate {
  const wins = ({ [which]: { word, drop, others } }: Case) => (word !== undefined && drop > others ? 1 : 0)
  const mean = (of: (each: Case) => number) => cases.reduce((sum, each) => sum + of(each), 0) / cases.length
  const byQuestion = [...new Set(cases.map(({ question }) => question))].map((question) => {
    const own = cases.filter((each) => each.question === question)
    return { cases: own.length, wins: own.reduce((sum, each) => sum + wins(each), 0) }
  })
  const random = new Random(1)
  const sampled = Array.from({ length: SAMPLES }, () => {
    const sample = byQuestion.map(() => random.pick(byQuestion))
    return sample.reduce((sum, own) => sum + own.wins, 0) / sample.reduce((sum, own) => sum + own.cases, 0)
  }).sort((a, b) => a - b)
  return {
    cases: cases.length,
    rate: mean(wins),
    low: sampled[Math.round(SAMPLES * 0.025)],
    high: sampled[Math.round(SAMPLES * 0.975) - 1],
    greatest: mean(({ [which]: { isGreatest } }) => (isGreatest ? 1 : 0)),
    drop: mean(({ [which]: { drop } }) => drop),
    others: mean(({ [which]: { others } }) => others),
  }
}
