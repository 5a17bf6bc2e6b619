/**
 * Name, and what is done to the page as a whole: copy its link, save the walk, begin again, light or dark.
 */
import { useState } from 'preact/hooks'
import type { Explorer } from './explorer.js'
import { save, toJson } from './export.js'
import { theme, type Theme } from './theme.js'

export interface HeaderProps {
  readonly explorer: Explorer
}

const THEME_NAMES: Readonly<Record<Theme, string>> = { system: 'Auto', light: 'Light', dark: 'Dark' }
const NEXT: Readonly<Record<Theme, Theme>> = { system: 'light', light: 'dark', dark: 'system' }

export function Header({ explorer }: HeaderProps) {
  const [copied, setCopied] = useState('')
  const shown = explorer.shown.value
  const copy = () => {
    const link = new URL(explorer.address, location.href).href
    navigator.clipboard.writeText(link).then(
      () => setCopied('Link copied'),
      () => setCopied('The browser forbids copying: take the link from its address bar'),
    )
  }
  return (
    <header class="bar-top">
      <p class="wordmark">
        glass<b>former</b>
      </p>
      <div class="tools">
        <span class="note" role="status">
          {copied}
        </span>
        <button type="button" class="quiet" onClick={copy}>
          Copy link
        </button>
        <button
          type="button"
          class="quiet"
          disabled={!shown}
          onClick={() => shown && save({ name: 'walk.json', content: toJson(shown.walk) })}
        >
          Save JSON
        </button>
        <button type="button" class="quiet" onClick={() => explorer.reset()}>
          Reset
        </button>
        <button type="button" class="quiet" onClick={() => (theme.value = NEXT[theme.value])}>
          <span class="unseen">Theme: </span>
          {THEME_NAMES[theme.value]}
        </button>
      </div>
    </header>
  )
}
