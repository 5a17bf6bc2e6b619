/**
 * Numbers and names as the page writes them. Minus signs are real ones, so that columns of tabular figures align.
 */
import type { ScenePassage } from '../protocol.js'

/** `0.316`, `−0.042`; `−∞` for what is hidden. */
export function decimal(value: number, digits = 3): string {
  if (value === -Infinity) return '−∞'
  return value.toFixed(digits).replace('-', '−')
}

/** A probability as a person reads it: `31.6 %`, `0.02 %`, `< 0.01 %`, `> 99.99 %`. Nothing but 0 and 1 is called 0 and 100 %. */
export function percent(probability: number): string {
  const value = probability * 100
  if (value > 0 && value < 0.01) return '<\u202f0.01\u202f%'
  if (value > 99.99 && value < 100) return '>\u202f99.99\u202f%'
  if (value === 100) return '100\u202f%'
  return `${value.toFixed(value < 1 || value > 99.9 ? 2 : 1)}\u202f%`
}

export function count(value: number): string {
  return value.toLocaleString('en-GB')
}

/** What a passage is called where there is no room for it: its title, or how its text begins. */
export function passageName({ title, text }: Pick<ScenePassage, 'title' | 'text'>): string {
  if (title !== '') return title
  const words = text.split(/\s+/).slice(0, 4).join(' ')
  return words.length < text.trim().length ? `${words} …` : words
}

/** A token as it is written on the page: its space is shown, since it is a part of it. */
export function tokenText(text: string): string {
  return text.replace(/^ /, '␣').replace(/\n/g, '↵') || '∅'
}
