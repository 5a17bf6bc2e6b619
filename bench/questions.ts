/**
 * Questions about weights/world-facts, written from the corpus by rule, so that each comes with its passage and its answer. The wordings are
 * those that the reader was trained on (weights/recipe/make_data.py); what it never saw are the countries of HELD_OUT and
 * these passages' values together. Equal corpus and seed give equal questions.
 */
import type { Passage } from '../src/rag/index.js'
import { Random } from './random.js'

/** Countries that are the subject of no training document: HELD_OUT in weights/recipe/make_data.py. */
export const HELD_OUT: readonly string[] = [
  ...['France', 'Japan', 'Brazil', 'Kenya', 'Norway', 'Canada', 'Thailand', 'Peru', 'Egypt', 'Poland'],
  ...['Fiji', 'Cuba', 'Nepal', 'Ghana', 'Iceland', 'Vietnam', 'Portugal', 'Mongolia', 'Jordan', 'Chile'],
]

/** How many questions of each kind; 200 together. Of each held-out country both passages are asked about. */
const COUNTS = { heldOut: 40, country: 40, element: 30, person: 30, city: 20, otherFact: 20, madeUp: 20 } as const

export type QuestionKind = keyof typeof COUNTS

export interface EvalQuestion {
  readonly kind: QuestionKind
  readonly question: string
  /** The passage that holds the answer; undefined where none does. */
  readonly passage: string | undefined
  /** The sentences that count as right; none where the right answer is to abstain. */
  readonly answers: readonly string[]
}

/** `{s}` stands for the passage's title, `{l}` for it in lower case, `{v}` for what `fact` captures. */
interface Rule {
  readonly fact: RegExp
  readonly questions: readonly string[]
  readonly answers: readonly string[]
}

/** A sentence ends before one of the words that begin the next; values hold dots of their own (`Washington D.C.`). */
const fact = (sentence: string) => new RegExp(`${sentence}\\.(?= (?:Its?|The|People|A) |$)`)

const COUNTRY: readonly Rule[] = [
  {
    fact: fact('Its capital is (.+?)'),
    questions: ['What is the capital of {s}?', "What is {s}'s capital?", 'Which city is the capital of {s}?'],
    answers: ['The capital of {s} is {v}.'],
  },
  {
    fact: fact('Its capital is (.+?)'),
    questions: ['Which country has {v} as its capital?', '{v} is the capital of which country?'],
    answers: ['{v} is the capital of {s}.', 'The capital of {s} is {v}.'],
  },
  {
    fact: fact('It covers ([\\d,]+) square kilometres'),
    questions: ['How large is {s}?', 'What is the area of {s}?'],
    answers: ['{s} covers {v} square kilometres.', 'The area of {s} is {v} square kilometres.'],
  },
  {
    fact: fact('It borders (.+?)'),
    questions: ['Which countries border {s}?', 'What are the neighbours of {s}?'],
    answers: ['{s} borders {v}.'],
  },
  {
    fact: fact('The currency of .+? is the (.+?)'),
    questions: ['What is the currency of {s}?', 'Which currency does {s} use?'],
    answers: ['The currency of {s} is the {v}.'],
  },
  {
    fact: fact('People in .+? speak (.+?)'),
    questions: ['What language is spoken in {s}?', 'Which language do people speak in {s}?'],
    answers: ['People in {s} speak {v}.'],
  },
  {
    fact: fact('A person from .+? is called (.+?)'),
    questions: ['What are people from {s} called?'],
    answers: ['A person from {s} is called {v}.'],
  },
  {
    fact: fact('The internet domain of .+? is (.+?)'),
    questions: ['What is the internet domain of {s}?'],
    answers: ['The internet domain of {s} is {v}.'],
  },
]

const ELEMENT: readonly Rule[] = [
  {
    fact: fact('Its chemical symbol is (.+?)'),
    questions: ['What is the chemical symbol of {l}?', 'What is the symbol for {l}?'],
    answers: ['The chemical symbol of {l} is {v}.', 'The chemical symbol of {s} is {v}.'],
  },
  {
    fact: fact('Its atomic number is (\\d+)'),
    questions: ['What is the atomic number of {l}?', 'Which atomic number does {l} have?'],
    answers: ['The atomic number of {l} is {v}.', 'The atomic number of {s} is {v}.'],
  },
  {
    fact: fact('It melts at ([\\d.]+) kelvin'),
    questions: ['At what temperature does {l} melt?', 'What is the melting point of {l}?'],
    answers: ['{s} melts at {v} kelvin.'],
  },
  {
    fact: fact('It was discovered in (\\d+)'),
    questions: ['When was {l} discovered?', 'In what year was {l} discovered?'],
    answers: ['{s} was discovered in {v}.'],
  },
]

const PERSON: readonly Rule[] = [
  {
    fact: /was born in (\d+)/,
    questions: ['When was {s} born?', 'In what year was {s} born?'],
    answers: ['{s} was born in {v}.'],
  },
  {
    fact: /and died in (\d+)/,
    questions: ['When did {s} die?', 'In what year did {s} die?'],
    answers: ['{s} died in {v}.'],
  },
  {
    fact: /^.+? was (.+)\. .+ was born in/,
    questions: ['Who was {s}?', 'What was {s} known for?'],
    answers: ['{s} was {v}.'],
  },
]

const CITY: readonly Rule[] = [
  {
    fact: fact('is a city in (.+?)'),
    questions: ['In which country is {s}?', 'Where is {s}?'],
    answers: ['{s} is in {v}.'],
  },
  {
    fact: fact('It has ([\\d,]+) inhabitants'),
    questions: ['How many people live in {s}?', 'What is the population of {s}?'],
    answers: ['{v} people live in {s}.', 'The population of {s} is {v}.', '{s} has {v} inhabitants.'],
  },
]

const RULES: Readonly<Record<string, readonly Rule[]>> = {
  countries: COUNTRY,
  elements: ELEMENT,
  wordnet: PERSON,
  geonames: CITY,
}

/** Facts that the reader knows how to give and that no passage of the kind has. */
const OTHER_FACTS: Readonly<Record<string, readonly string[]>> = {
  geonames: ['Who is the mayor of {s}?', 'On which river is {s}?', 'When was {s} founded?'],
  countries: ['What is the population of {s}?', 'How many people live in {s}?'],
}

const MADE_UP = [
  ...['What is the capital of {s}?', 'What is the currency of {s}?', 'Which countries border {s}?'],
  ...['When was {s} born?', 'Who was {s}?', 'In which country is {s}?', 'What is the atomic number of {s}?'],
]

/** The 200 questions, in a random but fixed order, so that the first few are a sample of all. */
export function writeQuestions(passages: readonly Passage[], seed = 1): EvalQuestion[] {
  const random = new Random(seed)
  const written = passages.map((passage) => ({ passage, questions: askAbout(passage) }))
  const times = new Map<string, number>()
  for (const { question } of written.flatMap(({ questions }) => questions)) {
    times.set(question, (times.get(question) ?? 0) + 1)
  }
  const unambiguous = written.map(({ passage, questions }) => ({
    passage,
    questions: questions.filter(({ question }) => times.get(question) === 1),
  }))
  /** One question from each of `count` passages of a kind. */
  const take = (kind: 'heldOut' | 'country' | 'element' | 'person' | 'city'): EvalQuestion[] =>
    random
      .shuffle(unambiguous.filter(({ passage, questions }) => kindOf(passage) === kind && questions.length > 0))
      .slice(0, COUNTS[kind])
      .map(({ questions }) => random.pick(questions))

  return random.shuffle([
    ...(['heldOut', 'country', 'element', 'person', 'city'] as const).flatMap(take),
    ...otherFacts(passages, random),
    ...madeUp(passages, random),
  ])
}

/** Every question that the rules ask about a passage. */
export function askAbout(passage: Passage): EvalQuestion[] {
  return RULES[sourceOf(passage)].flatMap((rule) => {
    const value = rule.fact.exec(passage.text)?.[1]
    if (value === undefined) return []
    const answers = rule.answers.map((template) => fill(template, passage.title, value))
    return rule.questions.map((template) => ({
      kind: kindOf(passage),
      question: fill(template, passage.title, value),
      passage: passage.id,
      answers,
    }))
  })
}

function otherFacts(passages: readonly Passage[], random: Random): EvalQuestion[] {
  const cities = new Set(passages.filter((passage) => sourceOf(passage) === 'geonames').map(({ title }) => title))
  const usable = passages.filter(
    (passage) => sourceOf(passage) in OTHER_FACTS && (sourceOf(passage) === 'geonames' || !cities.has(passage.title)),
  )
  return random
    .shuffle(usable)
    .slice(0, COUNTS.otherFact)
    .map((passage) => unanswerable('otherFact', random.pick(OTHER_FACTS[sourceOf(passage)]), passage.title))
}

function madeUp(passages: readonly Passage[], random: Random): EvalQuestion[] {
  const titles = new Set(passages.map(({ title }) => title))
  const name = (): string => {
    const word = Array.from({ length: 3 }, () => random.pick([...'bdfgklmnprstvz']) + random.pick([...'aeiou'])).join(
      '',
    )
    const capitalised = word[0].toUpperCase() + word.slice(1) + random.pick(['', 'n', 'r', 'th'])
    return titles.has(capitalised) ? name() : capitalised
  }
  return Array.from({ length: COUNTS.madeUp }, () => unanswerable('madeUp', random.pick(MADE_UP), name()))
}

function unanswerable(kind: QuestionKind, template: string, subject: string): EvalQuestion {
  return { kind, question: fill(template, subject, ''), passage: undefined, answers: [] }
}

function fill(template: string, subject: string, value: string): string {
  const values: Readonly<Record<string, string>> = { s: subject, l: subject.toLowerCase(), v: value }
  return template.replace(/\{([slv])\}/g, (_, name: string) => values[name])
}

/** The corpus numbers its passages by source: `countries-12`. */
function sourceOf({ id }: Passage): string {
  return id.split('-')[0]
}

function kindOf(passage: Passage): 'heldOut' | 'country' | 'element' | 'person' | 'city' {
  switch (sourceOf(passage)) {
    case 'countries':
      return HELD_OUT.includes(passage.title) ? 'heldOut' : 'country'
    case 'elements':
      return 'element'
    case 'wordnet':
      return 'person'
    default:
      return 'city'
  }
}
