"""Does an ordinary Python program get its work back after it died?

Usage: worker.py PORT PROTOCOL. Talks to the server through the package `redis` as any program
would, without a helper library: what is not plain here is a flaw of the commands.
"""

import sys
import threading

import redis


def as_map(reply):
    """A map in RESP3, the same pairs as a flat array in RESP2."""
    if isinstance(reply, dict):
        return reply
    return dict(zip(reply[::2], reply[1::2]))


def connect(port, protocol):
    return redis.Redis(port=port, protocol=protocol, decode_responses=False)


def refused(code, call, *words):
    try:
        call(*words)
    except redis.ResponseError as error:
        assert str(error).startswith(code), f"{words}: {error}"
    else:
        raise AssertionError(f"{words} should be refused with {code}")


def main(port, protocol):
    producer = connect(port, protocol)
    first = connect(port, protocol)

    pushed = producer.execute_command("WF.PUSH", "q", b"\x00payload\xff", "TYPE", "video")
    assert isinstance(pushed, int) and 0 < pushed < 2**53, pushed
    more = producer.execute_command("WF.MPUSH", "q", 2, "b", "c")
    assert more == sorted(more) and len(more) == 2, more

    epoch = as_map(first.execute_command("WF.RECOVER", "worker"))[b"epoch"]
    task = as_map(first.execute_command("WF.POP", "q", "worker", "EPOCH", epoch))
    assert task[b"id"] == pushed and task[b"payload"] == b"\x00payload\xff", task
    assert task[b"type"] == b"video", task
    first.execute_command(
        "WF.TOUCH", "q", "worker", pushed, "EPOCH", epoch, "FENCE", task[b"fence"],
        "PROGRESS", 40, "CHECKPOINT", b"\x01half", "HANDLE", "slurm:17",
    )
    first.close()  # and it is heard of no more

    second = connect(port, protocol)
    found = as_map(second.execute_command("WF.RECOVER", "worker"))
    assert found[b"epoch"] > epoch, found
    (again,) = [as_map(task) for task in found[b"tasks"]]
    assert again[b"id"] == pushed and again[b"checkpoint"] == b"\x01half", again
    assert again[b"progress"] == 40 and again[b"handle"] == b"slurm:17", again
    assert again[b"crashes"] == 1 and again[b"queue"] == b"q", again

    call = second.execute_command
    refused("STALE", call, "WF.DONE", "q", "worker", pushed, "EPOCH", epoch)
    refused("NOTOWNER", call, "WF.DONE", "q", "worker", pushed, "FENCE", task[b"fence"])
    refused("NOTASK", call, "WF.DONE", "q", "worker", 12345)
    done = call("WF.DONE", "q", "worker", pushed, "FENCE", again[b"fence"], "RESULT", "r")
    assert done in (b"OK", True), done

    batch = [as_map(task) for task in call("WF.POP", "q", "worker", "COUNT", 10)]
    assert [task[b"payload"] for task in batch] == [b"b", b"c"], batch
    ids = [task[b"id"] for task in batch]
    assert call("WF.MDONE", "q", "worker", "IDS", 2, *ids) == [1, 1]
    assert call("WF.POP", "q", "worker") is None
    assert call("WF.LEN", "q") == 0

    # A pop that waits is woken by another connection.
    got = []
    waiting = threading.Thread(
        target=lambda: got.append(second.execute_command("WF.POP", "q", "worker", "BLOCK", 20000))
    )
    waiting.start()
    last = producer.execute_command("WF.PUSH", "q", "last")
    waiting.join(timeout=20)
    assert got and as_map(got[0])[b"id"] == last, got

    # A pipeline, with and without a transaction.
    for transaction in (False, True):
        pipe = producer.pipeline(transaction=transaction)
        pipe.execute_command("WF.PUSH", "p", "x")
        pipe.execute_command("WF.POP", "p", "other")
        pipe.execute_command("WF.LEN", "p", "STATE", "running")
        one, two, three = pipe.execute()
        assert as_map(two)[b"id"] == one, (one, two)
        assert three == 1 + int(transaction), three

    print("all is well")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
