/**
 * A jump within the page. The address holds the state, so a jump must not write itself there.
 */
export function skipTo(event: Event, id: string): void {
  event.preventDefault()
  const target = document.getElementById(id)
  target?.scrollIntoView()
  target?.focus({ preventScroll: true })
}
