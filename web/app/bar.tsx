/**
 * A share of a whole as a bar. The number stands beside it in text, so the bar itself is for the eye alone.
 */
export interface BarProps {
  /** From 0 to 1. */
  readonly share: number
  readonly strong?: boolean
}

export function Bar({ share, strong = false }: BarProps) {
  const width = `${Math.max(0, Math.min(1, share)) * 100}%`
  return (
    <span class={strong ? 'meter strong' : 'meter'} aria-hidden="true">
      <span style={{ width }} />
    </span>
  )
}
