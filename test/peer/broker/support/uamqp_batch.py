# A client that nobody here wrote (Python's uamqp): sends a batch, or reads what comes, each message of a batch by itself. Prints JSON.
import json
import sys

import uamqp
from uamqp import authentication, constants

command, host, port, ca, address = sys.argv[1:6]
url = f"amqps://{host}/{address}"


def plain():
    return authentication.SASLPlain(host, "guest", "guest", port=int(port), verify=ca)


def send():
    bodies = [json.dumps({"index": index}).encode() for index in range(5)]
    batch = uamqp.BatchMessage(bodies, application_properties={b"tenant": b"acme"})
    client = uamqp.SendClient(url, auth=plain())
    client.queue_message(batch)
    states = client.send_all_messages()
    return [state.name for state in states]


def inner(message):
    """The messages in the data sections of a batch, or the message itself."""
    parts = list(message.get_data())
    if not parts[0].startswith(b"\x00\x53"):
        return [message]
    return [uamqp.Message.decode_from_bytes(part) for part in parts]


def receive(count):
    source = uamqp.address.Source(url)
    client = uamqp.ReceiveClient(
        source,
        auth=plain(),
        prefetch=20,
        receive_settle_mode=constants.ReceiverSettleMode.ReceiveAndDelete,
        auto_complete=True,
    )
    found = []
    while len(found) < count:
        for message in client.receive_message_batch(max_batch_size=20, timeout=10000):
            for each in inner(message):
                properties = each.application_properties or {}
                found.append([b"".join(each.get_data()).decode(), (properties.get(b"tenant") or b"").decode()])
    client.close()
    return found


print(json.dumps(send() if command == "send" else receive(int(sys.argv[6]))))
