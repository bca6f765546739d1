import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { connectConfig } from '../../../src/cli/connect.js'

const directory = mkdtempSync(join(tmpdir(), 'tidemark-cli-'))
afterAll(() => rmSync(directory, { recursive: true }))

const toml = join(directory, 'temporal.toml')
writeFileSync(
  toml,
  `[profile.default]
address = "file:1"
namespace = "from-file"
[profile.cloud]
address = "cloud:2"
api_key = "secret"
`,
)
const file = { TEMPORAL_CONFIG_FILE: toml }

test('flags go over variables, variables over the profile', () => {
  expect(connectConfig({}, file)).toMatchObject({ namespace: 'from-file', connectionOptions: { address: 'file:1' } })
  const env = { ...file, TEMPORAL_ADDRESS: 'env:3' }
  expect(connectConfig({}, env)).toMatchObject({ namespace: 'from-file', connectionOptions: { address: 'env:3' } })
  expect(connectConfig({ address: 'flag:4', namespace: 'from-flag' }, env)).toMatchObject({
    namespace: 'from-flag',
    connectionOptions: { address: 'flag:4' },
  })
})

test('a profile is taken by flag or variable', () => {
  const cloud = { connectionOptions: { address: 'cloud:2', apiKey: 'secret', tls: true } }
  expect(connectConfig({ profile: 'cloud' }, file)).toMatchObject(cloud)
  expect(connectConfig({}, { ...file, TEMPORAL_PROFILE: 'cloud' })).toMatchObject(cloud)
})

test('a key by flag turns TLS on, as it does by variable; --tls alone does too', () => {
  expect(connectConfig({ apiKey: 'k' }, file).connectionOptions).toMatchObject({ apiKey: 'k', tls: true })
  expect(connectConfig({ tls: true }, file).connectionOptions.tls).toEqual(expect.objectContaining({}))
  expect(connectConfig({}, file).connectionOptions.tls).toBeUndefined()
})

test('a profile that is not there, or a broken file, is wrong usage', () => {
  expect(() => connectConfig({ profile: 'nowhere' }, file)).toThrow(/connection settings: Profile 'nowhere' not found/)
  const broken = join(directory, 'broken.toml')
  writeFileSync(broken, '[profile')
  expect(() => connectConfig({}, { TEMPORAL_CONFIG_FILE: broken })).toThrow(expect.objectContaining({ exitCode: 2 }))
})
