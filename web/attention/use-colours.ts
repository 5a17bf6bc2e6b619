/**
 * The theme's colours as numbers, for canvases, which do not see CSS. They are read again when the theme changes: by the system, or by an
 * attribute of the root element, as a toggle sets it.
 */
import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useState } from 'preact/hooks'
import { heatPalette, type HeatColours, type Rgb } from './heat-scale.js'

const NAMES = ['paper', 'accent', 'ink'] as const

/** Undefined until the element is in the page. */
export function useColours(element: RefObject<HTMLElement | null>): HeatColours | undefined {
  const [colours, setColours] = useState<HeatColours>()
  const read = () => {
    if (element.current) setColours((last) => keepEqual(last, coloursAt(element.current!)))
  }
  useLayoutEffect(read, [])
  useEffect(() => {
    const system = matchMedia('(prefers-color-scheme: dark)')
    const toggle = new MutationObserver(read)
    system.addEventListener('change', read)
    toggle.observe(document.documentElement, { attributes: true, attributeFilter: ['class', 'style', 'data-theme'] })
    return () => {
      system.removeEventListener('change', read)
      toggle.disconnect()
    }
  }, [])
  return colours
}

/** [256, 3]; see {@link heatPalette}. */
export function usePalette(element: RefObject<HTMLElement | null>): Uint8ClampedArray | undefined {
  const colours = useColours(element)
  return useMemo(() => colours && heatPalette(colours), [colours])
}

/** `--paper`, `--accent` and `--ink` as they are at an element. */
export function coloursAt(element: HTMLElement): HeatColours {
  const probe = document.createElement('span')
  element.append(probe)
  const [paper, accent, ink] = NAMES.map((name) => {
    probe.style.color = `var(--${name})`
    return toRgb(getComputedStyle(probe).color)
  })
  probe.remove()
  return { paper, accent, ink }
}

/** Any CSS colour, in whatever notation a browser reports it, by painting one pixel. */
function toRgb(colour: string): Rgb {
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = 1
  const context = canvas.getContext('2d')!
  context.fillStyle = colour
  context.fillRect(0, 0, 1, 1)
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data
  return [red, green, blue]
}

function keepEqual(last: HeatColours | undefined, next: HeatColours): HeatColours {
  return last && NAMES.every((name) => String(last[name]) === String(next[name])) ? last : next
}
