"""Proton's Python client against the embedded broker: proton_client.py STORY URL. Prints one line of JSON."""

import json
import sys
import uuid

from proton import Message
from proton.handlers import MessagingHandler, TransactionHandler
from proton.reactor import Container, Copy, Selector
from proton.utils import BlockingConnection


def send_and_receive(url):
    connection = BlockingConnection(url, timeout=10, allow_insecure_mechs=True)
    sender = connection.create_sender("orders")
    for number in range(20):
        sender.send(
            Message(
                id=str(number),
                subject="order",
                properties={"number": number, "text": "\u00fc"},
                body={"id": number, "blob": b"\x00\xff" * 10, "uuid": uuid.UUID(int=number)},
                durable=True,
            )
        )
    receiver = connection.create_receiver("orders", credit=5)
    ids = []
    for _ in range(20):
        message = receiver.receive(timeout=10)
        assert message.body["uuid"] == uuid.UUID(int=int(message.id)), message.body
        assert message.properties["text"] == "\u00fc"
        ids.append(message.id)
        receiver.accept()
    connection.close()
    return {"ids": ids}


def release_and_reject(url):
    connection = BlockingConnection(url, timeout=10, allow_insecure_mechs=True)
    sender = connection.create_sender("orders")
    sender.send(Message(body="x"))
    receiver = connection.create_receiver("orders", credit=1)
    first = receiver.receive(timeout=10)
    receiver.release(delivered=True)
    receiver.flow(1)
    second = receiver.receive(timeout=10)
    receiver.reject()
    connection.close()
    return {"counts": [first.delivery_count, second.delivery_count], "first_acquirer": second.first_acquirer}


def large(url):
    connection = BlockingConnection(url, timeout=30, allow_insecure_mechs=True)
    body = bytes(range(256)) * 20000
    connection.create_sender("orders").send(Message(body=body, inferred=True))
    receiver = connection.create_receiver("orders", credit=1)
    received = receiver.receive(timeout=30)
    receiver.accept()
    connection.close()
    return {"equal": bytes(received.body) == body, "bytes": len(body)}


def dynamic(url):
    connection = BlockingConnection(url, timeout=10, allow_insecure_mechs=True)
    replies = connection.create_receiver(None, dynamic=True, credit=1)
    address = replies.link.remote_source.address
    connection.create_sender(None).send(Message(address=address, body="pong"))
    body = replies.receive(timeout=10).body
    replies.accept()
    connection.close()
    return {"address": address, "body": body}


def browse(url):
    connection = BlockingConnection(url, timeout=10, allow_insecure_mechs=True)
    sender = connection.create_sender("orders")
    for color in ["red", "blue", "red"]:
        sender.send(Message(body=color, properties={"color": color}))
    browser = connection.create_receiver("orders", credit=10, options=[Copy(), Selector("color = 'red'")])
    bodies = [browser.receive(timeout=10).body for _ in range(2)]
    connection.close()
    return {"bodies": bodies}


def refused(url):
    connection = BlockingConnection(url, timeout=10, allow_insecure_mechs=True)
    try:
        connection.create_receiver("/queues/nowhere")
        condition = None
    except Exception as error:
        condition = getattr(error, "condition", None) or str(error)
    # The connection and its session go on.
    connection.create_sender("orders").send(Message(body="after"))
    connection.close()
    return {"condition": condition}


class Transactions(MessagingHandler, TransactionHandler):
    """One transaction is rolled back, one is committed."""

    def __init__(self, url):
        super().__init__(auto_accept=False)
        self.url = url
        self.events = []

    def on_start(self, event):
        self.container = event.container
        self.connection = self.container.connect(self.url, reconnect=False, allow_insecure_mechs=True)
        self.sender = self.container.create_sender(self.connection, "orders")
        self.container.declare_transaction(self.connection, handler=self)

    def on_transaction_declared(self, event):
        self.events.append("declared")
        self.transaction = event.transaction
        event.transaction.send(self.sender, Message(body=f"in {len(self.events)}"))
        if "aborted" in self.events:
            event.transaction.commit()
        else:
            event.transaction.abort()

    def on_transaction_aborted(self, event):
        self.events.append("aborted")
        self.container.declare_transaction(self.connection, handler=self)

    def on_transaction_committed(self, event):
        self.events.append("committed")
        self.connection.close()

    def on_transaction_declare_failed(self, event):
        self.events.append("declare failed")
        self.connection.close()

    def on_transaction_commit_failed(self, event):
        self.events.append("commit failed")
        self.connection.close()


def transactions(url):
    handler = Transactions(url)
    Container(handler).run()
    return {"events": handler.events}


STORIES = {
    story.__name__: story
    for story in [send_and_receive, release_and_reject, large, dynamic, browse, refused, transactions]
}
print(json.dumps(STORIES[sys.argv[1]](sys.argv[2])))
