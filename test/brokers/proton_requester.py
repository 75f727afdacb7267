"""Asks a service as any AMQP 1.0 program would: proton_requester.py URI ADDRESS [REPLY_ADDRESS]. Prints the replies as JSON.

Without a reply address the peer makes a dynamic node.
"""

import json
import sys

from proton import Message
from proton.utils import BlockingConnection

uri, address = sys.argv[1], sys.argv[2]
connection = BlockingConnection(uri, timeout=20)
reply_address = sys.argv[3] if len(sys.argv) > 3 else None
receiver = connection.create_receiver(reply_address, dynamic=reply_address is None, credit=10)
reply_to = reply_address or receiver.remote_source.address
sender = connection.create_sender(address)
results = []


def ask(subject, body, count, **ids):
    sender.send(Message(subject=subject, reply_to=reply_to, body=body, **ids))
    for _ in range(count):
        reply = receiver.receive(timeout=20)
        receiver.accept()
        body = reply.body
        if isinstance(body, memoryview):
            body = bytes(body)
        results.append(
            {
                "body": json.loads(body) if isinstance(body, bytes) else body,
                "correlation": reply.correlation_id,
                "kind": (reply.properties or {}).get("x-reply"),
            }
        )


ask('{"cmd":"sum"}', [1, 2, 3], 1, correlation_id="by-correlation")
ask("echo", "text", 1, id="by-message-id")
ask("stream", [1, 2], 3, correlation_id="stream")
ask("nobody", "x", 1, correlation_id="unmatched")
connection.close()
print(json.dumps(results))
