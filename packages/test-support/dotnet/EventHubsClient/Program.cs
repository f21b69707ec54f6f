// Checks of the Event Hubs emulator with Microsoft's unmodified client for .NET. Each check prints its name
// if it holds. The first one that does not ends the process with the reason.

using Azure.Messaging.EventHubs;
using Azure.Messaging.EventHubs.Consumer;
using Azure.Messaging.EventHubs.Primitives;
using Azure.Messaging.EventHubs.Producer;

const string hub = "orders";
var connectionString = args[0];
var once = new EventHubsRetryOptions { MaximumRetries = 0, TryTimeout = TimeSpan.FromSeconds(10) };
var wait = TimeSpan.FromSeconds(2);

await Check("properties", async () =>
{
    await using var producer = new EventHubProducerClient(connectionString, hub);
    var properties = await producer.GetEventHubPropertiesAsync();
    Expect(properties.Name == hub && properties.PartitionIds.SequenceEqual(["0", "1"]), "the hub's properties");
    Expect((await producer.GetPartitionPropertiesAsync("0")).IsEmpty, "an empty partition");
});

await Check("batch", async () =>
{
    await using var producer = new EventHubProducerClient(connectionString, hub);
    using var batch = await producer.CreateBatchAsync(new CreateBatchOptions { PartitionId = "0" });
    Expect(batch.MaximumSizeInBytes == 1024 * 1024, $"a batch of {batch.MaximumSizeInBytes} bytes");
    for (var i = 0; i < 100; i++)
        Expect(batch.TryAdd(new EventData($"event {i}") { Properties = { ["n"] = i }, MessageId = $"m-{i}" }), "room in the batch");
    await producer.SendAsync(batch);
    var events = await Read("0", EventPosition.Earliest, 100);
    for (var i = 0; i < 100; i++)
    {
        var read = events[i];
        Expect(read.EventBody.ToString() == $"event {i}" && read.MessageId == $"m-{i}", $"event {i} as it was sent");
        Expect(read.SequenceNumber == i && (int)read.Properties["n"] == i, $"event {i} in its place");
    }
});

await Check("positions", async () =>
{
    var events = await Read("0", EventPosition.Earliest, 100);
    var at = events[42];
    Expect((await Read("0", EventPosition.FromSequenceNumber(42, isInclusive: true), 1))[0].SequenceNumber == 42, "at a sequence number");
    Expect((await Read("0", EventPosition.FromSequenceNumber(42, isInclusive: false), 1))[0].SequenceNumber == 43, "after a sequence number");
    Expect((await Read("0", EventPosition.FromOffset(at.OffsetString, isInclusive: true), 1))[0].SequenceNumber == 42, "at an offset");
    Expect((await Read("0", EventPosition.FromOffset(at.OffsetString, isInclusive: false), 1))[0].SequenceNumber == 43, "after an offset");
    Expect((await Read("0", EventPosition.FromEnqueuedTime(at.EnqueuedTime.AddMilliseconds(-1)), 1))[0].SequenceNumber == 0, "after a time");
});

await Check("partition keys", async () =>
{
    await using var producer = new EventHubProducerClient(connectionString, hub);
    for (var i = 0; i < 40; i++)
        await producer.SendAsync([new EventData($"key {i % 10}")], new SendEventOptions { PartitionKey = $"key {i % 10}" });
    var both = new[] { await Read("0", EventPosition.FromSequenceNumber(99, false), 0), await Read("1", EventPosition.Earliest, 0) };
    Expect(both.Sum(events => events.Count) == 40, "every event");
    Expect(both.All(events => events.All(read => read.PartitionKey == read.EventBody.ToString())), "keys that come back");
    Expect(both.Select(events => events.Select(read => read.PartitionKey).ToHashSet()).Aggregate((a, b) => a.Intersect(b).ToHashSet()).Count == 0, "each key on one partition");
});

await Check("last enqueued event", async () =>
{
    await using var consumer = new EventHubConsumerClient("audit", connectionString, hub);
    var options = new ReadEventOptions { TrackLastEnqueuedEventProperties = true, MaximumWaitTime = wait };
    await foreach (var read in consumer.ReadEventsFromPartitionAsync("0", EventPosition.Earliest, options))
    {
        Expect(read.Partition.ReadLastEnqueuedEventProperties().SequenceNumber >= 99, "what the partition holds");
        break;
    }
});

await Check("owner levels", async () =>
{
    await using var low = new PartitionReceiver("$Default", "1", EventPosition.Earliest, connectionString, hub, new PartitionReceiverOptions { OwnerLevel = 1, RetryOptions = once });
    await using var high = new PartitionReceiver("$Default", "1", EventPosition.Earliest, connectionString, hub, new PartitionReceiverOptions { OwnerLevel = 2, RetryOptions = once });
    await low.ReceiveBatchAsync(1, wait);
    Expect((await high.ReceiveBatchAsync(1, wait)).Any(), "an event for the owner");
    await Refused(EventHubsException.FailureReason.ConsumerDisconnected, async () =>
    {
        for (var i = 0; i < 10; i++) await low.ReceiveBatchAsync(100, wait);
    });
});

await Check("refusals", async () =>
{
    await using var stranger = new EventHubProducerClient(connectionString.Replace("SAS_KEY_VALUE", "another"), hub, new EventHubProducerClientOptions { RetryOptions = once });
    try
    {
        await stranger.GetPartitionIdsAsync();
        Expect(false, "a wrong key is refused");
    }
    catch (UnauthorizedAccessException) { }
    await using var lost = new EventHubProducerClient(connectionString, "nowhere", new EventHubProducerClientOptions { RetryOptions = once });
    await Refused(EventHubsException.FailureReason.ResourceNotFound, async () => await lost.GetPartitionIdsAsync());
    await Refused(EventHubsException.FailureReason.ResourceNotFound, async () => await lost.SendAsync([new EventData("x")]));
    await using var large = new EventHubProducerClient(connectionString, hub, new EventHubProducerClientOptions { RetryOptions = once });
    await Refused(EventHubsException.FailureReason.MessageSizeExceeded, async () => await large.SendAsync([new EventData(new byte[2 * 1024 * 1024])]));
});

await Check("buffered and idempotent", async () =>
{
    var before = (await Read("0", EventPosition.Earliest, 0)).Count + (await Read("1", EventPosition.Earliest, 0)).Count;
    var failures = new List<Exception>();
    await using (var buffered = new EventHubBufferedProducerClient(connectionString, hub, new EventHubBufferedProducerClientOptions { EnableIdempotentRetries = true }))
    {
        buffered.SendEventBatchFailedAsync += failed => { lock (failures) failures.Add(failed.Exception); return Task.CompletedTask; };
        for (var i = 0; i < 1000; i++)
            await buffered.EnqueueEventAsync(new EventData($"buffered {i}"), new EnqueueEventOptions { PartitionKey = $"key {i % 10}" });
        await buffered.FlushAsync();
    }
    Expect(failures.Count == 0, $"no failure: {failures.FirstOrDefault()}");
    var after = (await Read("0", EventPosition.Earliest, 0)).Count + (await Read("1", EventPosition.Earliest, 0)).Count;
    Expect(after - before == 1000, $"1,000 events, not {after - before}");
});

// The first `count` events from a position on; all events for 0.
async Task<List<EventData>> Read(string partition, EventPosition from, int count)
{
    await using var consumer = new EventHubConsumerClient("$Default", connectionString, hub);
    var events = new List<EventData>();
    var last = (await consumer.GetPartitionPropertiesAsync(partition)).LastEnqueuedSequenceNumber;
    await foreach (var read in consumer.ReadEventsFromPartitionAsync(partition, from, new ReadEventOptions { MaximumWaitTime = wait }))
    {
        if (read.Data is null) break;
        events.Add(read.Data);
        if (count == 0 ? read.Data.SequenceNumber == last : events.Count == count) break;
    }
    Expect(events.Count >= count, $"{count} events of partition {partition}, not {events.Count}");
    return events;
}

async Task Refused(EventHubsException.FailureReason reason, Func<Task> action)
{
    try
    {
        await action();
    }
    catch (EventHubsException error) when (error.Reason == reason)
    {
        return;
    }
    Expect(false, $"refused with {reason}");
}

static async Task Check(string name, Func<Task> check)
{
    await check();
    Console.WriteLine($"holds: {name}");
}

static void Expect(bool holds, string what)
{
    if (!holds) throw new InvalidOperationException($"expected {what}");
}
