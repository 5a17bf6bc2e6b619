/**
 * How many of the words of one text another has, whatever their form: what a question and the sentence that answers it often share.
 */

const LITTLE = new Set(
  'a an the of to in on at by for with from is are was were be been do does did can could may might will would should must i you we it its that this these those which what who whom whose when where why how and or not if as than then there any all many much my your one has have had'.split(
    ' ',
  ),
)

/** Words in lower case, without the little ones. */
export function contentWords(text: string): string[] {
  return (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).filter((word) => !LITTLE.has(word))
}

/** Share of the words that a text has in some form, 0 to 1; of no words 0. @param weigh what a word counts, by its stem; 1 unless told */
export function shareIn(words: readonly string[], text: string, weigh: (stem: string) => number = () => 1): number {
  const held = stemsOf(text)
  let [shared, all] = [0, 0]
  for (const word of new Set(words.map(stem))) {
    const weight = weigh(word)
    all += weight
    if (held.has(word)) shared += weight
  }
  return all === 0 ? 0 : shared / all
}

/** What a word counts that few of the texts have: ln(1 + texts / (1 + those that have it)). */
export function rarityIn(texts: readonly string[]): (stem: string) => number {
  const held = texts.map(stemsOf)
  return (stem) => Math.log(1 + texts.length / (1 + held.filter((stems) => stems.has(stem)).length))
}

function stemsOf(text: string): Set<string> {
  return new Set(contentWords(text).map(stem))
}

/** A word without the commonest endings, so that its forms are one. */
function stem(word: string): string {
  return word.length > 3 ? word.replace(/(?:ing|ed|es|s|e)$/, '') : word
}
