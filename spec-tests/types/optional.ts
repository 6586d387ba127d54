/**
 * Every option and field of a public type that may be left out may also be undefined, so that `{ proxy: proxyFromEnvironment(url) }`
 * compiles with `exactOptionalPropertyTypes`, which the tsconfig.json beside has. What `Optional` leaves of a type is what may be left
 * out; `AllowsUndefined` is false where one of these may not be undefined.
 */

import type * as barewire from 'barewire';
import type * as chat from 'barewire/chat';
import type * as chatClient from 'barewire/chat/client';
import * as client from 'barewire/client';
import type * as testing from 'barewire/testing';

type Optional<T> = { [K in keyof T as Record<never, never> extends Pick<T, K> ? K : never]-?: Pick<T, K> };
type Refusing<T> = {
  [K in keyof Optional<T>]: Record<K, undefined> extends Partial<Record<K, unknown>> & Optional<T>[K] ? never : K;
}[keyof Optional<T>];
/** The names that refuse undefined. */
type NamesOf<T> = Extract<Refusing<T>, string>;

/** Compiles where `T` is never. */
const none = <T extends never>(...unused: T[]): void => void unused;

none<NamesOf<barewire.ServerOptions>>();
none<NamesOf<barewire.WebSocketRouteOptions>>();
none<NamesOf<barewire.EventStreamRouteOptions>>();
none<NamesOf<barewire.HttpRouteOptions>>();
none<NamesOf<barewire.HttpResponse>>();
none<NamesOf<barewire.ListenOptions>>();
none<NamesOf<barewire.AttachOptions>>();
none<NamesOf<barewire.DrainOptions>>();
none<NamesOf<barewire.OpenEventStreamOptions>>();
none<NamesOf<barewire.EventStreamResponseOptions>>();
none<NamesOf<barewire.EventStreamMessage>>();
none<NamesOf<barewire.SendOptions>>();
none<NamesOf<barewire.WriteMessageOptions>>();
none<NamesOf<barewire.PerMessageDeflateOptions>>();
none<NamesOf<client.WebSocketOptions>>();
none<NamesOf<client.EventSourceOptions>>();
none<NamesOf<client.ReconnectingOptions>>();
none<NamesOf<client.DialOptions>>();
none<NamesOf<client.TcpOptions>>();
none<NamesOf<client.DuplexOptions>>();
none<NamesOf<client.EventsOfOptions>>();
none<NamesOf<client.CloseEventInit>>();
none<NamesOf<client.ErrorEventInit>>();
none<NamesOf<chat.ChatOptions>>();
none<NamesOf<chat.ChatUser>>();
none<NamesOf<chatClient.ConnectOptions>>();
none<NamesOf<testing.ConnectOptions>>();
none<NamesOf<testing.RequestOptions>>();
none<NamesOf<testing.RawOptions>>();

// The helper sees what it should: of these two one refuses undefined.
// @ts-expect-error: 'b' is not never
none<NamesOf<{ readonly a?: number | undefined; readonly b?: number }>>();

const url = 'wss://api.example/feed';
export const options: client.WebSocketOptions = { proxy: client.proxyFromEnvironment(url) };
