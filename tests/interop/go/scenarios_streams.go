// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import "io"

const streamSize = 100000

// Only one half of a byte stream, so that the other is not offered.
type readerOnly struct{ io.Reader }
type writerOnly struct{ io.WriteCloser }

// giveBytes makes byte streams of every kind for a message, and the script for the ends that stay.
func giveBytes(more object) func() {
	input, inputThere := BytePipe()
	output, outputThere := BytePipe()
	both, bothThere := BytePipe()
	half, halfThere := BytePipe()
	more["Input"], more["Output"] = readerOnly{inputThere}, writerOnly{outputThere}
	more["Both"], more["Half"] = bothThere, halfThere
	return func() {
		must(half.Close()) // nothing will be written: the other direction goes on
		together(
			func() { writeAll(input, pattern(streamSize, 1)) },
			func() { readAll(output, pattern(streamSize, 2)) },
			func() { writeAll(both, pattern(streamSize, 3)) },
			func() { readAll(both, pattern(streamSize, 4)) },
			func() { readAll(half, pattern(streamSize, 5)) },
		)
	}
}

func takeBytes(m *message) {
	together(
		func() { readAll(m.Input, pattern(streamSize, 1)) },
		func() { writeAll(m.Output, pattern(streamSize, 2)) },
		func() {
			readAll(m.Both, pattern(streamSize, 3))
			writeAll(m.Both, pattern(streamSize, 4))
		},
		func() {
			readAll(m.Half, nil)
			writeAll(m.Half, pattern(streamSize, 5))
		},
	)
}

// giveEnds makes a channel each way, and a byte stream, and the script for the ends that stay.
func giveEnds(more object) func() {
	out, received := Pipe()
	sent, in := Pipe()
	both, bothThere := BytePipe()
	more["Out"], more["In"], more["Both"] = out, in, bothThere
	return func() {
		ret, texts := Pipe()
		send(sent, object{"N": 0, "Ret": ret})
		expect(texts, object{"Text": "through"})
		expectEnd(texts)
		sendAndClose(sent, object{"N": 1})
		expect(received, object{"N": 5})
		expectEnd(received)
		together(
			func() { writeAll(both, pattern(streamSize, 6)) },
			func() { readAll(both, pattern(streamSize, 7)) },
		)
	}
}

func takeEnds(m *message) {
	first := receive(m.In)
	check(first.N == 0, "N is %d", first.N)
	sendAndClose(first.Ret, object{"Text": "through"})
	expect(m.In, object{"N": 1})
	expectEnd(m.In)
	sendAndClose(m.Out, object{"N": 5})
	together(
		func() { readAll(m.Both, pattern(streamSize, 6)) },
		func() { writeAll(m.Both, pattern(streamSize, 7)) },
	)
}

func init() {
	scenario("byte-streams", func(c *caller) {
		more := object{}
		script := giveBytes(more)
		_, answers := c.ask("byte-streams", more)
		script()
		back := receive(answers)
		takeBytes(back)
		expectEnd(answers)
	}, func(s *server, request *message) {
		takeBytes(request)
		more := object{}
		script := giveBytes(more)
		send(request.Ret, more)
		script()
		must(request.Ret.Close())
	})

	// What the caller sends comes back to it, and works.
	scenario("send-back", func(c *caller) {
		more := object{}
		script := giveEnds(more)
		_, answers := c.ask("send-back", more)
		back := receive(answers)
		together(script, func() { takeEnds(back) })
		expectEnd(answers)
	}, func(s *server, request *message) {
		sendAndClose(request.Ret, object{"Out": request.Out, "In": request.In, "Both": request.Both})
	})

	// The caller passes what it got over one connection to the other.
	callers["relay"] = func(c *caller) {
		_, gifts := c.ask("relay-give", nil)
		gift := receive(gifts)
		second := c.dial()
		c.all = append(c.all, second)
		_, answers := c.askOver(second, "relay-take", object{"Out": gift.Out, "In": gift.In, "Both": gift.Both})
		expect(answers, object{"Text": "done"})
		expectEnd(answers)
		expectEnd(gifts)
	}
	servers["relay-give"] = func(s *server, request *message) {
		more := object{}
		script := giveEnds(more)
		send(request.Ret, more)
		script()
		must(request.Ret.Close())
	}
	servers["relay-take"] = func(s *server, request *message) {
		takeEnds(request)
		sendAndClose(request.Ret, object{"Text": "done"})
	}
}
