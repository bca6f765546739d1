import { setTimeout as delay } from 'node:timers/promises'
import type { Owner } from '../definition/sink.js'
import { GenerationFenced } from '../errors/ownership.js'
import { compareOwners, sameOwner } from './owner.js'
import type { Session, StopReason } from './session.js'

/** Which task. */
export interface TaskKey {
  readonly pipeline: string
  readonly stage: string
  readonly partition: number
}

const LOOK_MS = 10

const keyOf = ({ pipeline, stage, partition }: TaskKey): string => `${pipeline}/${stage}/${partition}`

/** The sessions of this process: one per task at most (PROTOCOL §4). */
export class SessionRegistry {
  private readonly sessions = new Map<string, Session>()
  private readonly claiming = new Map<string, Owner>()
  private shuttingDown = false

  /** Tasks held or being claimed. */
  get size(): number {
    this.sweep()
    return new Set([...this.sessions.keys(), ...this.claiming.keys()]).size
  }

  find(task: TaskKey): Session | undefined {
    const session = this.sessions.get(keyOf(task))
    return session === undefined || session.closed ? undefined : session
  }

  /** Ends a lower owner's session, opens the new one and keeps it. A higher owner's stays, and this claim ends. */
  async claim(task: TaskKey, owner: Owner, open: () => Promise<Session>): Promise<Session> {
    const key = keyOf(task)
    const holder = this.claiming.get(key) ?? this.find(task)?.owner
    if (holder !== undefined && compareOwners(holder, owner) > 0) {
      throw new GenerationFenced({ ...task, sink: 'all', owner, ledgerOwner: holder })
    }
    this.claiming.set(key, owner)
    try {
      await this.sessions.get(key)?.close()
      const session = await open()
      // A newer claim may have come while this one was opening, and may be done already.
      const newest = this.claiming.get(key) ?? this.find(task)?.owner
      if (newest !== undefined && !sameOwner(newest, owner)) {
        await session.close()
        throw new GenerationFenced({ ...task, sink: 'all', owner, ledgerOwner: newest })
      }
      this.sessions.set(key, session)
      if (this.shuttingDown) session.interrupt('released')
      return session
    } finally {
      if (this.claiming.get(key) === owner) this.claiming.delete(key)
    }
  }

  /** Ends the session of that very owner, if it is here; `epoch` is the last that history has of it. */
  async release(task: TaskKey, owner: Owner, epoch: number): Promise<void> {
    const session = this.sessions.get(keyOf(task))
    if (session === undefined || !sameOwner(session.owner, owner)) return
    this.sessions.delete(keyOf(task))
    await session.release(epoch)
  }

  /** Ends the epochs under way at their next commit, and those that are still to come at once: this worker goes away. */
  shutDown(): void {
    this.shuttingDown = true
    for (const session of this.sessions.values()) session.interrupt('released')
  }

  /**
   * After `shutDown`: resolves when every task has been handed back. An epoch that doesn't come is waited for so long, and
   * one that doesn't end for `endMs`: then it is given up, and the ledgers decide.
   */
  async allHandedBack(patienceMs: number, endMs: number): Promise<void> {
    const began = performance.now()
    const late = (ms: number): boolean => performance.now() - began > ms
    const isDone = (session: Session): boolean => session.handedBack || (!session.busy && late(patienceMs))
    while (this.claiming.size > 0 || !this.all.every(isDone)) {
      if (late(endMs)) {
        for (const session of this.all) void session.close()
        return
      }
      await delay(LOOK_MS)
    }
  }

  /** Resolves when all tasks are in the middle of an epoch, so that no workflow is deciding on them, or it gets late. */
  async allBusy(patienceMs: number): Promise<void> {
    const deadline = performance.now() + patienceMs
    while (!this.all.every((session) => session.busy) && performance.now() < deadline) await delay(LOOK_MS)
  }

  /** Ends the epochs of tasks whose pipeline's run is gone. */
  interrupt(matches: (session: Session) => boolean, reason: StopReason): void {
    for (const session of this.sessions.values()) if (matches(session)) session.interrupt(reason)
  }

  get all(): readonly Session[] {
    this.sweep()
    return [...this.sessions.values()]
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.sessions.values()].map((session) => session.close()))
    this.sessions.clear()
  }

  private sweep(): void {
    for (const [key, session] of this.sessions) if (session.closed) this.sessions.delete(key)
  }
}
