// SPDX-License-Identifier: LGPL-2.1-or-later
// Compiled, not run: what must be allowed, and, after @ts-expect-error, what must not.
import Chan from 'gi://Chan?version=1';
import type GLib from 'gi://GLib?version=2.0';
import type Gio from 'gi://Gio?version=2.0';

declare const cancellable: Gio.Cancellable;
declare const variant: GLib.Variant;

interface Answer {
  Status: number;
}

async function channels(sender: Chan.Sender, receiver: Chan.Receiver): Promise<void> {
  const [reply, answers]: [Chan.Sender, Chan.Receiver] = Chan.pipe_new(1);
  const [stream] = Chan.byte_pipe_new();
  sender.send({Cmd: 'ls', Args: ['-l', 1, 2n, null, true], Bytes: new Uint8Array(1), Reply: reply, Input: stream.get_input_stream()});
  sender.send(variant, cancellable);
  sender.send(Chan.double(1), {timeout: 1});
  sender.send(new Map([['a', {b: [receiver]}]]));
  const sent: boolean = await sender.send_async([undefined], {timeout: 0.5, cancellable});
  const nothing: void = sender.send_async(1, 0, null, (source, result) => source.send_finish(result));
  const answer: Answer = (await sender.request_async({a: 1}, 'Reply')).unpack<Answer>();
  for await (const message of receiver)
    message.unpack().anything.goes;
  for (const message of answers)
    print(message.to_json(), sent, nothing, answer.Status);
  for await (const message of receiver.messages({timeout: 1}))
    message.get_size();
  const [end, message] = await Chan.select_async([receiver, [sender, {a: 1}]], {timeout: 1});
  if (end === receiver && message !== null)
    message.unpack();
  const several: Chan.Receiver = sender.try_request({a: 1}, 'Replies');
  if (several.wait_until(0, cancellable))
    several.try_receive();
  sender.abort('enough');

  // @ts-expect-error: no functions in messages
  sender.send({f: () => 1});
  // @ts-expect-error: no symbols
  await sender.send_async(Symbol('x'));
  // @ts-expect-error: it may be the end
  (await receiver.receive_async()).unpack();
  // @ts-expect-error: made by pipe_new() or a session
  new Chan.Sender();
  // @ts-expect-error: a case has two parts
  Chan.select([[sender]]);
}

async function sessions(): Promise<void> {
  const listener = await Chan.listen_async('tcp://127.0.0.1:0');
  const client = await Chan.connect_async(listener.get_uri(), {timeout: 5});
  listener.connect('authorize', (_listener, session) => session.get_peer_credentials() !== null);
  for await (const session of listener) {
    for await (const receiver of session)
      await channels(client.open_channel('x'), receiver);
  }
  const microseconds: number = await client.ping_async();
  await client.close_async(cancellable);
  print(microseconds);

  // @ts-expect-error: a timeout is a number of seconds
  Chan.listen('memory:x', {timeout: '1'});
}

declare function print(...args: unknown[]): void;
sessions().catch((error: GLib.Error) => error.matches(Chan.ChannelError, Chan.ChannelError.CLOSED));
