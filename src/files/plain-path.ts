/**
 * Names of files that come from outside: from an index of shards, a list of modules, a server. They are joined to a folder's
 * path, so they must not lead out of it on any system.
 */

/**
 * Whether a relative path stays inside its folder wherever it is opened: parts joined by `/`, none empty, `.` or `..`; no
 * backslash and no colon (on Windows separators, drive letters and streams), no control characters, no space or point at a part's end (which
 * Windows may leave out: `.. ` would be `..`).
 */
export function isPlainPath(path: string): boolean {
  return path.split('/').every((part) => isPlainName(part))
}

/** Whether it is the name of one file, as {@link isPlainPath} has it. */
export function isPlainName(name: string): boolean {
  return !/^$|[. ]$|[/\\:\p{Cc}]/u.test(name)
}
