/**
 * Where special tokens stand around a text or a pair of texts: the post-processor of tokenizer.json, as a template of pieces. Read here and
 * not left to the library, because truncation has to cut the texts and keep these tokens, and because the library
 * drops an empty second text and the second text of tokenizers without special tokens.
 */
import { ConfigError } from '../errors.js'
import { JsonObject, type Json } from '../files/json.js'

/** A special token, or the place of the first (0) or second (1) text, with the segment that its tokens get. */
export type TemplatePiece =
  | { readonly kind: 'special'; readonly id: number; readonly typeId: number }
  | { readonly kind: 'text'; readonly text: 0 | 1; readonly typeId: number }

export interface Templates {
  readonly single: readonly TemplatePiece[]
  readonly pair: readonly TemplatePiece[]
}

const first = (typeId: number): TemplatePiece => ({ kind: 'text', text: 0, typeId })
const second = (typeId: number): TemplatePiece => ({ kind: 'text', text: 1, typeId })

/** No special tokens. */
export const PLAIN: Templates = { single: [first(0)], pair: [first(0), second(1)] }

/** The templates of a `post_processor`; PLAIN where there is none. @throws ConfigError for a kind that is not supported */
export function parseTemplates(value: Json | undefined, where: string): Templates {
  if (value === undefined || value === null) return PLAIN
  const processor = new JsonObject(value, `${where}: post_processor`)
  const type = processor.string('type')
  switch (type) {
    case 'ByteLevel': // only trims offsets
      return PLAIN
    case 'Sequence':
      return parseSequence(processor)
    case 'TemplateProcessing':
      return { single: parsePieces(processor, 'single'), pair: parsePieces(processor, 'pair') }
    case 'BertProcessing': {
      const [cls, sep] = [specialOf(processor, 'cls'), specialOf(processor, 'sep')]
      return { single: [cls(0), first(0), sep(0)], pair: [cls(0), first(0), sep(0), second(1), sep(1)] }
    }
    case 'RobertaProcessing': {
      const [cls, sep] = [specialOf(processor, 'cls'), specialOf(processor, 'sep')]
      return { single: [cls(0), first(0), sep(0)], pair: [cls(0), first(0), sep(0), sep(0), second(0), sep(0)] }
    }
    default:
      throw new ConfigError('unsupported-tokenizer', `${processor.where}: type "${type}" is not supported`)
  }
}

/** Of several processors in a row, one adds tokens. */
function parseSequence(processor: JsonObject): Templates {
  const parts = processor.get('processors')
  if (!Array.isArray(parts)) throw new ConfigError('config-type', `${processor.where}: "processors" is not a list`)
  const templates = parts
    .map((part: Json) => parseTemplates(part, processor.where))
    .filter((template) => template !== PLAIN)
  if (templates.length > 1) {
    throw new ConfigError('unsupported-tokenizer', `${processor.where}: more than one processor adds special tokens`)
  }
  return templates[0] ?? PLAIN
}

function specialOf(processor: JsonObject, field: string): (typeId: number) => TemplatePiece {
  const pair = processor.get(field)
  const id = Array.isArray(pair) ? pair[1] : undefined
  if (!Number.isSafeInteger(id))
    throw new ConfigError('config-type', `${processor.where}: "${field}" is not [token, id]`)
  return (typeId) => ({ kind: 'special', id: id as number, typeId })
}

function parsePieces(processor: JsonObject, field: string): TemplatePiece[] {
  const pieces = processor.get(field)
  if (!Array.isArray(pieces)) throw new ConfigError('config-type', `${processor.where}: "${field}" is not a list`)
  const specials = processor.object('special_tokens')
  return pieces.flatMap((piece: Json): TemplatePiece[] => {
    const entry = new JsonObject(piece, `${processor.where}: ${field}`)
    if (entry.has('Sequence')) {
      const sequence = entry.object('Sequence')
      const typeId = sequence.integer('type_id', { min: 0, fallback: 0 })
      return [sequence.oneOf('id', ['A', 'B']) === 'A' ? first(typeId) : second(typeId)]
    }
    const special = entry.object('SpecialToken')
    const typeId = special.integer('type_id', { min: 0, fallback: 0 })
    const token = specials.object(special.string('id'))
    const ids = token.get('ids')
    if (!Array.isArray(ids) || !ids.every(Number.isSafeInteger)) {
      throw new ConfigError('config-type', `${token.where}: "ids" is not a list of whole numbers`)
    }
    return ids.map((id) => ({ kind: 'special', id: id as number, typeId }))
  })
}
