/**
 * Parsers come from packages that are installed by those who have such files: optional peer dependencies, loaded when one is met.
 */
import { DocumentError } from './document.js'

/** @throws DocumentError with the line that installs the package */
export async function loadParser<T>(name: string, format: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    const { message } = error as Error
    throw new DocumentError(
      'parser-missing',
      `${format} is read with the package ${name}, which cannot be loaded; install it: npm install ${name} (${message.split('\n')[0]})`,
      { cause: error },
    )
  }
}
