import { startKafka, type KafkaServer } from '../src/dev/kafka-server.js'
import { freePort } from '../src/dev/ports.js'
import { startTemporal, type TemporalServer } from '../src/dev/temporal-server.js'
import { kafkaProtocol } from './proxy/kafka-protocol.js'
import { plain } from './proxy/protocol.js'
import { Proxy } from './proxy/proxy.js'

/** The servers of every run. Workers come to them through proxies; whoever feeds and judges doesn't. */
export interface Servers {
  readonly kafka: KafkaServer
  readonly temporal: TemporalServer
  readonly links: { readonly kafka: Proxy; readonly temporal: Proxy }
  stop(): Promise<void>
}

export async function startServers(onProgress: (line: string) => void): Promise<Servers> {
  const [upstream, sideDoor, front] = [await freePort(), await freePort(), await freePort()]
  const kafkaLink = await Proxy.listen(front, sideDoor, kafkaProtocol)
  const temporalLink = await Proxy.listen(await freePort(), upstream, plain)
  const links = { kafka: kafkaLink, temporal: temporalLink }
  const started = await Promise.allSettled([
    startKafka({ sideDoor: { port: sideDoor, advertised: front }, onProgress }),
    startTemporal({ port: upstream, onProgress }),
  ])
  const [kafka, temporal] = started
  const stop = async (): Promise<void> => {
    await Promise.allSettled(started.flatMap((one) => (one.status === 'fulfilled' ? [one.value.stop()] : [])))
    await Promise.allSettled(Object.values(links).map((link) => link.close()))
  }
  if (kafka.status === 'fulfilled' && temporal.status === 'fulfilled') {
    return { kafka: kafka.value, temporal: temporal.value, links, stop }
  }
  await stop()
  throw started.find((one) => one.status === 'rejected')?.reason
}
