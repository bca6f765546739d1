import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { reasonOf } from '../errors/base.js'
import { firstThatWorks } from './attempts.js'
import { cacheDirectory, fillCache } from './cache.js'
import { fetchFile } from './fetch-file.js'
import { archive, jars, KAFKA_VERSION, LOG4J_VERSION, SCALA_VERSION } from './kafka-pins.js'
import type { OnProgress } from './progress.js'
import { outputOf, runLongCommand } from './run-command.js'

const MINUTES = 60_000
const MAVEN_ENTRY = `kafka-${KAFKA_VERSION}-maven`
const ARCHIVE_ENTRY = `kafka-${KAFKA_VERSION}`

/**
 * The directory of jars that a broker runs from: KAFKA_HOME's, the cached ones, or fetched from Maven Central or the Apache
 * archive. Throws `StackUnavailable`.
 */
export function kafkaJars(onProgress?: OnProgress): Promise<string> {
  const cache = cacheDirectory()
  return firstThatWorks(
    'Kafka',
    [
      { what: 'KAFKA_HOME', find: () => fromKafkaHome(process.env['KAFKA_HOME']), absent: 'not set' },
      { what: `the cache, ${join(cache, MAVEN_ENTRY)}`, find: () => cachedMavenJars(join(cache, MAVEN_ENTRY)) },
      { what: `the cache, ${join(cache, ARCHIVE_ENTRY)}`, find: () => brokerJars(join(cache, ARCHIVE_ENTRY, 'libs')) },
      { what: `Kafka ${KAFKA_VERSION} from Maven Central`, find: () => fetchFromMaven(onProgress) },
      { what: `download of ${archive.url}`, find: () => fetchArchive(onProgress) },
    ],
    [
      'unpack Kafka 4.1 or later from https://kafka.apache.org/downloads and set KAFKA_HOME',
      'install Maven (`mvn`) and let it reach Maven Central or a mirror',
      'give the addresses of Kafka brokers that run already',
    ],
  )
}

async function fromKafkaHome(home: string | undefined): Promise<string | null> {
  if (!home) return null
  const found = await brokerJars(join(home, 'libs'))
  if (found === null) throw new Error(`there is no kafka_2.13-*.jar in ${join(home, 'libs')}`)
  return found
}

/** `directory` if it holds a broker's jar. */
async function brokerJars(directory: string): Promise<string | null> {
  const names = await readdir(directory).catch(() => [])
  return names.some((name) => /^kafka_2\.\d+-[\d.]+.*\.jar$/.test(name)) ? directory : null
}

/** `directory` if its jars are the pinned ones. One that isn't is removed, so that it is fetched again. */
async function cachedMavenJars(directory: string): Promise<string | null> {
  if ((await brokerJars(directory)) === null) return null
  try {
    await checkJars(directory)
  } catch (error) {
    await rm(directory, { recursive: true, force: true })
    throw new Error(`${reasonOf(error)}; removed`, { cause: error })
  }
  return directory
}

async function fetchFromMaven(onProgress?: OnProgress): Promise<string> {
  await outputOf('mvn', ['--version']).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new Error('there is no `mvn` on PATH') : error
  })
  onProgress?.(`Kafka: fetching ${KAFKA_VERSION} from Maven Central, 43 MB, once`)
  return fillCache(MAVEN_ENTRY, async (directory) => {
    const pom = join(directory, 'pom.xml')
    await writeFile(pom, POM)
    await runLongCommand({
      command: 'mvn',
      args: [
        '--batch-mode',
        '--quiet',
        '--no-transfer-progress',
        '-Dstyle.color=never',
        `--file=${pom}`,
        'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies',
        `-DoutputDirectory=${directory}`,
        '-DincludeScope=runtime',
      ],
      cwd: directory,
      timeoutMs: 15 * MINUTES,
      doing: `mvn copy-dependencies of Kafka ${KAFKA_VERSION}`,
      onProgress,
    })
    await rm(pom)
    await checkJars(directory)
  })
}

const dependency = (group: string, artifact: string, version: string): string =>
  `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tidemark</groupId><artifactId>dev-stack</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    ${dependency('org.apache.kafka', `kafka_${SCALA_VERSION}`, KAFKA_VERSION)}
    ${dependency('org.apache.logging.log4j', 'log4j-slf4j-impl', LOG4J_VERSION)}
  </dependencies>
</project>
`

/** Throws unless `directory` holds exactly the pinned jars. */
async function checkJars(directory: string): Promise<void> {
  const found = (await readdir(directory)).filter((name) => name.endsWith('.jar'))
  const wrong = found.filter((name) => jars[name] === undefined).map((name) => `${name} is not one of Kafka's`)
  for (const [name, expected] of Object.entries(jars)) {
    const content = await readFile(join(directory, name)).catch(() => null)
    if (content === null) wrong.push(`${name} is missing`)
    else if (createHash('sha256').update(content).digest('hex') !== expected) wrong.push(`${name} has another SHA-256`)
  }
  if (wrong.length > 0) throw new Error(`not the pinned jars of Kafka ${KAFKA_VERSION}: ${wrong.join(', ')}`)
}

async function fetchArchive(onProgress?: OnProgress): Promise<string> {
  onProgress?.(`Kafka: downloading ${archive.url}`)
  const entry = await fillCache(ARCHIVE_ENTRY, async (directory) => {
    const file = join(directory, 'kafka.tgz')
    const sha512 = await fetchFile(archive.url, file, 'sha512')
    if (sha512 !== archive.sha512) throw new Error(`its SHA-512 is ${sha512}, not the pinned ${archive.sha512}`)
    const unpacked = join(directory, 'unpacked')
    await mkdir(unpacked)
    await outputOf('tar', ['-xzf', file, '-C', unpacked, '--strip-components=1'])
    await rename(join(unpacked, 'libs'), join(directory, 'libs'))
    await rm(unpacked, { recursive: true })
    await rm(file)
  })
  return join(entry, 'libs')
}
