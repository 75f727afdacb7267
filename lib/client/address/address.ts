// Where a client sends to and receives from, as the user writes it. terminus.ts turns it into the peer's form.

/**
 * Where messages go. A string is a queue's name, or, when it starts with `/` or holds `://`, the address as it goes on the wire.
 * `queue`, `topic` and `exchange` are written in the peer's form. `null`: the anonymous terminus, each message names its address.
 */
export type Target =
  | string
  | null
  | {
      /** As it goes on the wire, whatever the peer. */
      readonly address?: string | undefined;
      readonly queue?: string | undefined;
      readonly topic?: string | undefined;
      readonly exchange?: string | undefined;
      /** With `exchange` only. */
      readonly routingKey?: string | undefined;
      /** `false`: a message that nobody takes is a success with `routed: false`. @default false for exchanges and topics, else true */
      readonly mandatory?: boolean | undefined;
      /** The peer makes a node for this link and names it. @default false */
      readonly dynamic?: boolean | undefined;
      readonly durable?: 'none' | 'configuration' | 'unsettled-state' | undefined;
      readonly capabilities?: readonly string[] | undefined;
      /** @default a random one */
      readonly linkName?: string | undefined;
      readonly linkProperties?: Readonly<Record<string, unknown>> | undefined;
      /** Of the link, beside those of the terminus: what the peer is asked for; what it has is in `link` once attached. */
      readonly desiredCapabilities?: readonly string[] | undefined;
      /** Of the link: what this side can do. */
      readonly offeredCapabilities?: readonly string[] | undefined;
    };

/** Where messages come from; a string as in {@link Target}. */
export type Source =
  | string
  | {
      /** As it goes on the wire, whatever the peer. */
      readonly address?: string | undefined;
      readonly queue?: string | undefined;
      readonly topic?: string | undefined;
      /** The peer makes a node for this link and names it. @default false */
      readonly dynamic?: boolean | undefined;
      /** A JMS selector (the apache.org selector filter). Refused where the peer only echoes it. */
      readonly selector?: string | undefined;
      /** Nothing that this connection itself sent. Refused where the peer cannot. @default false */
      readonly noLocal?: boolean | undefined;
      /**
       * Where reading a RabbitMQ stream begins: at its first or last chunk, with what comes from now on (as without it), at an offset, at a
       * time. After a lost link it goes on with the first message that was not settled. A stream keeps what is accepted, and delivers
       * nothing a second time for being released or failed.
       */
      readonly streamOffset?: 'first' | 'last' | 'next' | number | bigint | Date | undefined;
      /** Higher ones are served first while they have credit. Refused where the peer has no priorities of consumers. */
      readonly priority?: number | undefined;
      /**
       * Filter name -> value, beside those above; for a described one use `Described`. One that the peer does not confirm in its answer to
       * the attach is refused: it would let everything through.
       */
      readonly filters?: Readonly<Record<string, unknown>> | undefined;
      /** `copy` browses. Refused where the peer consumes all the same. */
      readonly distributionMode?: 'move' | 'copy' | undefined;
      readonly durable?: 'none' | 'configuration' | 'unsettled-state' | undefined;
      readonly expiryPolicy?: 'link-detach' | 'session-end' | 'connection-close' | 'never' | undefined;
      /** How long the peer keeps the terminus after that. Whole seconds on the wire, rounded up. Unit: milliseconds. @default the peer's */
      readonly expiryTimeoutMs?: number | undefined;
      /**
       * Several consumers with the same `linkName` take turns at one subscription of a topic. `container`: those of connections with this
       * container id; `global`: of any connection. Refused where the peer cannot.
       */
      readonly shared?: 'container' | 'global' | undefined;
      readonly capabilities?: readonly string[] | undefined;
      /** The subscription's name where it is durable or shared, and needed there. @default a random one */
      readonly linkName?: string | undefined;
      readonly linkProperties?: Readonly<Record<string, unknown>> | undefined;
      /** Of the link, beside those of the terminus: what the peer is asked for; what it has is in `link` once attached. */
      readonly desiredCapabilities?: readonly string[] | undefined;
      /** Of the link: what this side can do. */
      readonly offeredCapabilities?: readonly string[] | undefined;
    };

/** {@link Target} in its long form. */
export type TargetFields = Exclude<Target, string | null>;
/** {@link Source} in its long form. */
export type SourceFields = Exclude<Source, string>;
