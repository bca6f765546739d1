import { type Details, TidemarkError } from './base.js'

/** The program of the pipeline is wrong; found before anything runs. */
export abstract class DefinitionError<D extends Details = Details> extends TidemarkError<D> {}
/** One record cannot be processed; `onError` decides. */
export abstract class RecordError<D extends Details = Details> extends TidemarkError<D> {}
/** Reading failed. */
export abstract class SourceError<D extends Details = Details> extends TidemarkError<D> {}
/** Writing, or the ledger beside it, failed. */
export abstract class SinkError<D extends Details = Details> extends TidemarkError<D> {}
/** This owner of a task isn't, or is no longer, the one to go on. */
export abstract class OwnershipError<D extends Details = Details> extends TidemarkError<D> {}
/** Keyed state can't be kept or restored. */
export abstract class StateError<D extends Details = Details> extends TidemarkError<D> {}
/** A command to a pipeline can't be carried out. */
export abstract class ControlError<D extends Details = Details> extends TidemarkError<D> {}
