# A client that nobody here wrote: sends three orders with Apache Qpid Proton and prints the three answers it receives, as JSON.
import json
import sys

from proton import Message, symbol
from proton.utils import BlockingConnection

url, orders, answers = sys.argv[1:4]
connection = BlockingConnection(url, timeout=20, allow_insecure_mechs=True, sasl_enabled=True)
sender = connection.create_sender(orders)
receiver = connection.create_receiver(answers, credit=10)
sender.send(
    Message(
        body=json.dumps({"id": 1, "item": "Käse"}).encode(),
        inferred=True,
        content_type=symbol("application/json"),
        id="proton-1",
        subject="order.placed",
        durable=True,
        properties={"tenant": "acme", "size": 3},
    )
)
sender.send(Message(body={"id": 2, "item": "bread"}, id="proton-2", durable=True))
sender.send(Message(body="plain text", id="proton-3", durable=True))
received = []
for _ in range(3):
    message = receiver.receive(timeout=20)
    body = message.body
    received.append(
        {
            "body": json.loads(bytes(body)) if isinstance(body, (bytes, memoryview)) else body,
            "correlation": message.correlation_id,
            "subject": message.subject,
            "tenant": (message.properties or {}).get("tenant"),
            "contentType": str(message.content_type),
        }
    )
    receiver.accept()
connection.close()
print(json.dumps(received))
