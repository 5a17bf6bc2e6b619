/**
 * One stop for Tab, arrow keys from there: which of `count` things in a row a key goes to from the one at `stop`.
 */
export function nextStop(key: string, stop: number, count: number): number | undefined {
  const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[key]
  const to = key === 'Home' ? 0 : key === 'End' ? count - 1 : by && stop + by
  return to === undefined || to < 0 || to >= count ? undefined : to
}
