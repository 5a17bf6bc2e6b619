/**
 * Files of a person's own, picked or dropped anywhere on the page: a Hugging Face folder takes the reader's place, a text or JSON-lines file
 * gives the passages. Nothing leaves the machine.
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { ModelSource } from '../protocol.js'
import type { Explorer } from './explorer.js'
import { messageOf } from './trouble.js'
import { readPassages } from './passages.js'

type PickedFiles = Extract<ModelSource, { kind: 'files' }>['files']

export interface FileDropProps {
  readonly explorer: Explorer
}

export function FileDrop({ explorer }: FileDropProps) {
  const [over, setOver] = useState(false)
  const folder = useRef<HTMLInputElement>(null)
  useEffect(() => folder.current?.setAttribute('webkitdirectory', ''), [])

  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true
    const enter = (event: DragEvent) => {
      if (!hasFiles(event)) return
      event.preventDefault()
      setOver(true)
    }
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false)
    }
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return
      event.preventDefault()
      setOver(false)
      void take(explorer, filesOf([...event.dataTransfer!.items]))
    }
    document.addEventListener('dragenter', enter)
    document.addEventListener('dragover', enter)
    document.addEventListener('dragleave', leave)
    document.addEventListener('drop', drop)
    return () => {
      document.removeEventListener('dragenter', enter)
      document.removeEventListener('dragover', enter)
      document.removeEventListener('dragleave', leave)
      document.removeEventListener('drop', drop)
    }
  }, [explorer])

  const pick = (event: Event) => {
    const input = event.currentTarget as HTMLInputElement
    const files = [...(input.files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }))
    input.value = ''
    if (files.length > 0) void take(explorer, Promise.resolve(files))
  }
  return (
    <>
      <div class="files">
        <label class="button quiet">
          Open passages
          <input type="file" class="unseen" accept=".txt,.md,.jsonl,.ndjson,.json" onChange={pick} />
        </label>
        <label class="button quiet">
          Open a model folder
          <input type="file" class="unseen" multiple ref={folder} onChange={pick} />
        </label>
        <span class="note">or drop either on the page. Nothing leaves this machine.</span>
      </div>
      {over && (
        <div class="drop" aria-hidden="true">
          <p>Drop a Hugging Face folder or a file of passages</p>
        </div>
      )}
    </>
  )
}

/** One file that is not of a model holds passages; everything else is a model. */
async function take(explorer: Explorer, coming: Promise<PickedFiles>): Promise<void> {
  try {
    const files = await coming
    const [first] = files
    if (!first) return
    if (files.length === 1 && !/\.safetensors$/.test(first.path)) {
      explorer.edit({ passages: await readPassages(first.file), served: false, dropped: [], scores: {} })
      explorer.report(undefined)
    } else {
      await explorer.open({ kind: 'files', name: first.path.split('/')[0], files })
    }
  } catch (error) {
    explorer.report({ where: 'file', message: messageOf(error) })
  }
}

/** All files below what was dropped. The entries must be asked for before the event is over. */
function filesOf(items: readonly DataTransferItem[]): Promise<PickedFiles> {
  const entries = items.map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null)
  return Promise.all(entries.map((entry) => below(entry))).then((found) => found.flat())
}

async function below(entry: FileSystemEntry): Promise<PickedFiles> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
    return [{ path: entry.fullPath.replace(/^\//, ''), file }]
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  const found: PickedFiles[] = []
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return found.flat()
    for (const each of some) found.push(await below(each))
  }
}
