import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { z } from 'zod'

import { fetchFile, fetchJson } from './fetch-file.js'
import type { OnProgress } from './progress.js'
import { outputOf } from './run-command.js'
import { TEMPORAL_VERSION } from './temporal-pins.js'

const PLATFORMS: Readonly<Record<string, string>> = { linux: 'linux', darwin: 'darwin', win32: 'windows' }
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

const DownloadInfo = z.object({ archiveUrl: z.url({ protocol: /^https$/ }), fileToExtract: z.string() })

/**
 * Downloads the CLI into `directory`, by the request that the Temporal SDKs make (core's `ephemeral_server`; no SDK gives
 * out the path of what it downloads).
 */
export async function downloadTemporal(directory: string, onProgress?: OnProgress): Promise<string> {
  const platform = PLATFORMS[process.platform]
  const arch = ARCHITECTURES[process.arch]
  if (platform === undefined || arch === undefined) throw new Error(`none for ${process.platform} ${process.arch}`)
  const query = new URLSearchParams({ platform, arch, format: 'tar.gz' })
  const info = DownloadInfo.parse(
    await fetchJson(`https://temporal.download/cli/${TEMPORAL_VERSION}?${query.toString()}`),
  )
  onProgress?.(`Temporal: downloading ${info.archiveUrl}`)
  const archive = join(directory, 'archive.tar.gz')
  await fetchFile(info.archiveUrl, archive, 'sha256')
  const unpacked = join(directory, 'unpacked')
  await mkdir(unpacked)
  await outputOf('tar', ['-xzf', archive, '-C', unpacked, info.fileToExtract])
  await rm(archive)
  const binary = join(unpacked, info.fileToExtract)
  const printed = await outputOf(binary, ['--version'])
  if (!printed.includes(TEMPORAL_VERSION.slice(1))) throw new Error(`it is another version: ${printed.trim()}`)
  return binary
}
