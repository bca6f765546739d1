import type { Blueprint } from '../../src/definition/blueprint.js'
import { ByteBudget } from '../../src/engine/byte-budget.js'
import type { EngineHost } from '../../src/engine/host.js'
import { SessionRegistry } from '../../src/engine/registry.js'
import { Session } from '../../src/engine/session.js'
import { SessionLost } from '../../src/errors/ownership.js'
import type { ClaimInput, ClaimResult, EpochInput, EpochResult } from '../../src/protocol/epoch.js'
import { silence } from '../../src/testing/silence.js'
import { Process, type Schedule } from './schedule.js'

/** One worker process with its activities, as activities/session.ts has them. */
export class SimWorker extends Process {
  readonly registry = new SessionRegistry()
  /** All it ever opened: those it has lost sight of would leak. */
  readonly opened: Session[] = []
  private readonly blueprint: Blueprint
  private readonly host: EngineHost

  constructor(name: string, schedule: Schedule, blueprint: Blueprint, buildId: string) {
    super(name, schedule)
    this.blueprint = blueprint
    this.host = {
      ...silence,
      namespace: 'simulated',
      budget: new ByteBudget(1024 * 1024),
      connection: () => this,
      buildId,
    }
  }

  async claim(input: ClaimInput): Promise<ClaimResult> {
    const [stage] = this.blueprint.stages
    if (stage === undefined) throw new TypeError('no stage')
    const open = async (): Promise<Session> => {
      const session = await Session.open(this.host, this.blueprint, stage, input)
      this.opened.push(session)
      return session
    }
    const session = await this.registry.claim(input, input.owner, open)
    const { source, catchUp } = session
    return {
      queue: this.name,
      worker: this.name,
      furthest: catchUp.furthest === null ? null : { [source.id]: catchUp.furthest },
      ledgers: Object.fromEntries(session.ledgers.map((ledger) => [ledger.id, ledger.mark])),
      identities: {},
    }
  }

  async runEpoch(input: EpochInput): Promise<EpochResult> {
    const session = this.registry.find(input)
    if (session !== undefined) return await session.run(input)
    const { pipeline, stage, partition } = input
    throw new SessionLost({ pipeline, stage, partition, worker: this.name, reason: 'there is none here' })
  }
}
