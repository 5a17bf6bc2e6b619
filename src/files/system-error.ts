/**
 * Errors of the operating system, by their codes (`ENOENT`, `EEXIST`, …).
 */

/** Whether the system gave an error one of these codes. */
export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(error.code as string)
}
