import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import { z } from 'zod'

import { fetchFile, fetchJson } from './fetch-file.js'
import type { OnProgress } from './progress.js'
import { outputOf } from './run-command.js'
import { archives, TEMPORAL_VERSION } from './temporal-pins.js'

const DownloadInfo = z.object({ archiveUrl: z.url({ protocol: /^https$/ }), fileToExtract: z.string() })

/**
 * Downloads the CLI into `directory`, by the request that the Temporal SDKs make (core's `ephemeral_server`). Not through
 * an SDK: none checks what it gets, none gives out the path.
 */
export async function downloadTemporal(directory: string, onProgress?: OnProgress): Promise<string> {
  const platform = process.platform
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  const pinned = archives[`${platform}_${arch}`]
  if (pinned === undefined) throw new Error(`there is no release with a known hash for ${platform} ${arch}`)
  const query = new URLSearchParams({ platform, arch, format: 'tar.gz' }).toString()
  const info = DownloadInfo.parse(await fetchJson(`https://temporal.download/cli/${TEMPORAL_VERSION}?${query}`))
  onProgress?.(`Temporal: downloading ${info.archiveUrl}`)
  const archive = join(directory, 'archive.tar.gz')
  const sha256 = await fetchFile(info.archiveUrl, archive, 'sha256')
  if (sha256 !== pinned) throw new Error(`the SHA-256 of ${info.archiveUrl} is ${sha256}, not the pinned ${pinned}`)
  await outputOf('tar', ['-xzf', archive, '-C', directory, info.fileToExtract])
  await rm(archive)
  return join(directory, info.fileToExtract)
}
