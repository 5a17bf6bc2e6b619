/**
 * Light or dark: as the system says until a person chooses, and then as chosen, on this device.
 */
import { effect, signal } from '@preact/signals'

export type Theme = 'system' | 'light' | 'dark'

const KEY = 'glassformer-theme'

export const theme = signal<Theme>('system')

/** Takes the choice of an earlier visit and keeps the next. A page that may not store anything follows the system. */
export function startTheme(): void {
  try {
    const stored = localStorage.getItem(KEY)
    if (stored === 'light' || stored === 'dark') theme.value = stored
  } catch {
    // storage is forbidden here
  }
  effect(() => {
    if (theme.value === 'system') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = theme.value
    try {
      if (theme.value === 'system') localStorage.removeItem(KEY)
      else localStorage.setItem(KEY, theme.value)
    } catch {
      // storage is forbidden here
    }
  })
}
