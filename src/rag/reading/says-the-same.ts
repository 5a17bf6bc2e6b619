/**
 * Whether two quotes agree: one holds the words of the other, as "4 October 1957" those of "October 1957". A number is one word: "10" is no part of
 * "10 000", "10.5" or "10 million".
 */

export function saysTheSame(a: string, b: string): boolean {
  const [x, y] = [a, b].map((text) => ` ${words(text).join(' ')} `)
  return x.includes(y) || y.includes(x)
}

const DIGITS = /(?:\p{N}{1,3}(?:[ \u00a0\u202f]\p{N}{3}(?!\p{N}))+|\p{N}+)/u
const SCALE = /(?:\s(?:hundred|thousand|million|billion|trillion)\b)?/u
const NUMBER = `${DIGITS.source}(?:[.,:/'’]\\p{N}+)*${SCALE.source}`
const WORD = new RegExp(`${NUMBER}[\\p{L}\\p{N}]*|[\\p{L}\\p{N}]+`, 'gu')

/** In lower case, without punctuation and articles; what parts the digits of a number is the same in all of them. */
function words(text: string): string[] {
  const found = text.toLowerCase().match(WORD) ?? []
  return found.filter((word) => !/^(?:a|an|the)$/.test(word)).map((word) => word.replace(/[^\p{L}\p{N}]/gu, '.'))
}
