// SPDX-License-Identifier: LGPL-2.1-or-later

package main

const (
	manyHandles  = 40
	manyMessages = 3000
)

const padding = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// giveDeep sends a receiver, on which comes a receiver, on which comes a receiver, on which comes a message.
func giveDeep(to Sender) {
	a, inA := Pipe()
	b, inB := Pipe()
	c, inC := Pipe()
	ret, answers := Pipe()
	send(to, object{"A": inA})
	sendAndClose(a, object{"B": inB})
	sendAndClose(b, object{"C": inC})
	sendAndClose(c, object{"Text": "three deep", "Ret": ret})
	expect(answers, object{"Text": "from below"})
	expectEnd(answers)
}

func takeDeep(from Receiver) {
	a := receive(from).A
	b := receive(a).B
	c := receive(b).C
	last := receive(c)
	check(last.Text == "three deep", "%q", last.Text)
	for _, channel := range []Receiver{a, b, c} {
		expectEnd(channel)
	}
	sendAndClose(last.Ret, object{"Text": "from below"})
}

func init() {
	scenario("nested-both", func(c *caller) {
		_, answers := c.ask("nested-both", nil)
		question := receive(answers)
		check(question.Text == "ask", "%q", question.Text)
		ret, thanks := Pipe()
		sendAndClose(question.Ask, object{"N": 42, "Ret": ret})
		expect(thanks, object{"Text": "thanks"})
		expectEnd(thanks)
		expectEnd(answers)
	}, func(s *server, request *message) {
		ask, replies := Pipe()
		send(request.Ret, object{"Ask": ask, "Text": "ask"})
		reply := receive(replies)
		check(reply.N == 42, "N is %d", reply.N)
		expectEnd(replies)
		sendAndClose(reply.Ret, object{"Text": "thanks"})
		must(request.Ret.Close())
	})

	scenario("receiver", func(c *caller) {
		out, in := Pipe()
		_, answers := c.ask("receiver", object{"In": in})
		for i := 0; i < 10; i++ {
			send(out, object{"N": i})
		}
		must(out.Close())
		expect(answers, object{"Sum": 45})
		expectEnd(answers)
	}, func(s *server, request *message) {
		sum := 0
		for i := 0; i < 10; i++ {
			sum += receive(request.In).N
		}
		expectEnd(request.In)
		sendAndClose(request.Ret, object{"Sum": sum})
	})

	scenario("three-deep", func(c *caller) {
		channel, answers := c.ask("three-deep", nil)
		giveDeep(channel)
		takeDeep(answers)
		expectEnd(answers)
	}, func(s *server, request *message) {
		takeDeep(s.channel)
		giveDeep(request.Ret)
		must(request.Ret.Close())
	})

	scenario("list", callList, serveList)
	scenario("untyped", callUntyped, serveUntyped)
	scenario("many-handles", callMany, serveMany)
	scenario("flow", callFlow, serveFlow)
	initEnds()
}

func callList(c *caller) {
	outs, ins := []interface{}{}, []interface{}{}
	receivers, senders := []Receiver{}, []Sender{}
	for i := 0; i < 3; i++ {
		out, receiver := Pipe()
		sender, in := Pipe()
		outs, ins = append(outs, out), append(ins, in)
		receivers, senders = append(receivers, receiver), append(senders, sender)
	}
	_, answers := c.ask("list", object{"Outs": outs, "Ins": ins})
	for i := range senders {
		sendAndClose(senders[i], object{"N": 10 + i})
	}
	for i := range receivers {
		expect(receivers[i], object{"N": i})
		expectEnd(receivers[i])
	}
	expect(answers, object{"Got": []interface{}{10, 11, 12}})
	expectEnd(answers)
}

func serveList(s *server, request *message) {
	check(len(request.Outs) == 3 && len(request.Ins) == 3, "%d and %d", len(request.Outs), len(request.Ins))
	for i, out := range request.Outs {
		sendAndClose(out, object{"N": i})
	}
	got := []int{}
	for _, in := range request.Ins {
		got = append(got, receive(in).N)
		expectEnd(in)
	}
	sendAndClose(request.Ret, object{"Got": got})
}

func callUntyped(c *caller) {
	ret, texts := Pipe()
	out, in := Pipe()
	_, answers := c.ask("untyped", object{"Any": object{
		"Name": "x", "List": []interface{}{1, object{"Ret": ret, "Nil": nil}, "two"}, "In": in,
	}})
	expect(texts, object{"Text": "untyped"})
	expectEnd(texts)
	sendAndClose(out, object{"Text": "in"})
	back := receive(answers).Any.([]interface{})[0].(map[interface{}]interface{})["Back"].(Sender)
	sendAndClose(back, object{"Text": "back"})
	expectEnd(answers)
}

func serveUntyped(s *server, request *message) {
	any := request.Any.(map[interface{}]interface{})
	list := any["List"].([]interface{})
	inner := list[1].(map[interface{}]interface{})
	nothing, present := inner["Nil"]
	check(any["Name"] == "x" && list[0] == int64(1) && list[2] == "two" && present && nothing == nil, "got %v", any)
	sendAndClose(inner["Ret"].(Sender), object{"Text": "untyped"})
	in := any["In"].(Receiver)
	expect(in, object{"Text": "in"})
	expectEnd(in)
	back, texts := Pipe()
	send(request.Ret, object{"Any": []interface{}{object{"Back": back}}})
	expect(texts, object{"Text": "back"})
	expectEnd(texts)
	must(request.Ret.Close())
}

func callMany(c *caller) {
	outs, receivers := []interface{}{}, []Receiver{}
	for i := 0; i < manyHandles; i++ {
		out, receiver := Pipe()
		outs, receivers = append(outs, out), append(receivers, receiver)
	}
	_, answers := c.ask("many-handles", object{"Outs": outs})
	expectNumbers(receivers)
	expectNumbers(receive(answers).Ins)
	expectEnd(answers)
}

func expectNumbers(receivers []Receiver) {
	check(len(receivers) == manyHandles, "%d handles", len(receivers))
	for i := range receivers {
		expect(receivers[i], object{"N": i})
		expectEnd(receivers[i])
	}
}

func serveMany(s *server, request *message) {
	check(len(request.Outs) == manyHandles, "%d handles", len(request.Outs))
	for i, out := range request.Outs {
		sendAndClose(out, object{"N": i})
	}
	ins, senders := []interface{}{}, []Sender{}
	for i := 0; i < manyHandles; i++ {
		sender, in := Pipe()
		ins, senders = append(ins, in), append(senders, sender)
	}
	send(request.Ret, object{"Ins": ins})
	for i := range senders {
		sendAndClose(senders[i], object{"N": i})
	}
	must(request.Ret.Close())
}

func sendMany(to Sender) {
	for i := 0; i < manyMessages; i++ {
		send(to, object{"N": i, "Text": padding})
	}
	must(to.Close())
}

func receiveMany(from Receiver) {
	for i := 0; i < manyMessages; i++ {
		got := receive(from)
		check(got.N == i && got.Text == padding, "%d where %d should be", got.N, i)
	}
	expectEnd(from)
}

func callFlow(c *caller) {
	out, received := Pipe()
	sent, in := Pipe()
	_, answers := c.ask("flow", object{"Out": out, "In": in})
	together(func() { sendMany(sent) }, func() { receiveMany(received) })
	expectEnd(answers)
}

func serveFlow(s *server, request *message) {
	together(func() { sendMany(request.Out) }, func() { receiveMany(request.In) })
	must(request.Ret.Close())
}

func initEnds() {
	scenario("close", func(c *caller) {
		out, in := Pipe()
		_, answers := c.ask("close", object{"In": in})
		must(out.Close())
		expectEnd(answers)
	}, func(s *server, request *message) {
		expectEnd(request.In)
		must(request.Ret.Close())
	})

	// The reference has nothing to abort a channel with, so the caller of these is always another peer.
	servers["abort"] = func(s *server, request *message) {
		check(receive(request.In).N == 0, "not the message before the abort")
		expectEnd(request.In)
		sendAndClose(request.Ret, object{"N": 1})
	}
	callers["abort-back"] = func(c *caller) {
		_, answers := c.ask("abort-back", nil)
		expect(answers, object{"N": 1})
		expectEnd(answers)
	}
	servers["receiver-closes"] = func(s *server, request *message) {
		for i := 0; i < 100; i++ {
			send(request.Out, object{"N": i})
		}
		request.Out.Close() // fails if the reset has come
		sendAndClose(request.Ret, object{"N": 100})
	}

	scenario("bare", func(c *caller) {
		channel, answers := c.ask("bare", nil)
		out, numbers := Pipe()
		send(channel, out, 7)
		expect(numbers, 42)
		expectEnd(numbers)
		expect(answers, "done")
		expectEnd(answers)
	}, func(s *server, request *message) {
		sendAndClose(receiveAny(s.channel).(Sender), 42)
		expect(s.channel, 7)
		sendAndClose(request.Ret, "done")
	})

	scenario("server-opens", func(c *caller) {
		_, answers := c.ask("server-opens", nil)
		channel, err := c.t.WaitReceiveChannel()
		must(err)
		hello := receive(channel)
		check(hello.Text == "client", "%q", hello.Text)
		sendAndClose(hello.Ret, object{"Text": "server"})
		expectEnd(channel)
		expect(answers, object{"Text": "done"})
		expectEnd(answers)
	}, func(s *server, request *message) {
		channel, err := s.t.NewSendChannel()
		must(err)
		ret, hello := Pipe()
		send(channel, object{"Text": "client", "Ret": ret})
		expect(hello, object{"Text": "server"})
		expectEnd(hello)
		must(channel.Close())
		sendAndClose(request.Ret, object{"Text": "done"})
	})

}
