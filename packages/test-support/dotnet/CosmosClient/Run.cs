using System.Net;
using Microsoft.Azure.Cosmos;

/// <summary>Runs checks by name, and counts those that do not hold.</summary>
internal sealed class Run(string[] words)
{
    // The client retries for minutes. A check that takes longer than this does not hold.
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    public int Failures { get; private set; }

    public async Task Check(string name, Func<Task> check)
    {
        if (words.Length > 0 && !words.Any(name.Contains)) return;
        try
        {
            await check().WaitAsync(Longest);
            Console.WriteLine($"holds: {name}");
        }
        catch (Exception error)
        {
            Failures++;
            Console.WriteLine($"fails: {name}: {Shorten(error)}");
        }
    }

    private static string Shorten(Exception error)
    {
        var message = error is CosmosException cosmos ? $"{(int)cosmos.StatusCode}/{cosmos.SubStatusCode} {cosmos.Message}" : $"{error.GetType().Name} {error.Message}";
        var line = message.ReplaceLineEndings(" ");
        var place = error.StackTrace?.Split('\n').FirstOrDefault(frame => frame.Contains("CosmosClient/") && !frame.Contains("Run.cs"))?.Trim();
        return $"{line[..Math.Min(line.Length, 400)]} {place?[(place.LastIndexOf('/') + 1)..]}";
    }
}

internal static class Expectations
{
    public static void Expect(bool holds, string what)
    {
        if (!holds) throw new InvalidOperationException($"expected {what}");
    }

    public static void Same<T>(IEnumerable<T> found, IEnumerable<T> expected, string what)
    {
        var (some, others) = (found.ToList(), expected.ToList());
        if (some.SequenceEqual(others)) return;
        var at = some.Zip(others).TakeWhile(pair => Equals(pair.First, pair.Second)).Count();
        static string Shown(IEnumerable<T> values) => string.Join(", ", values.Take(20));
        Expect(false, $"{what}: {others.Count}, not {some.Count}, and from the place {at} on [{Shown(others.Skip(at))}], not [{Shown(some.Skip(at))}]");
    }

    /// <returns>The refusal.</returns>
    public static async Task<CosmosException> Refused(HttpStatusCode status, Func<Task> action)
    {
        try
        {
            await action();
        }
        catch (CosmosException error)
        {
            Expect(error.StatusCode == status, $"a refusal with {(int)status}, not {(int)error.StatusCode}/{error.SubStatusCode}: {error.ResponseBody}");
            return error;
        }
        throw new InvalidOperationException($"expected a refusal with {(int)status}, not success");
    }

    public static async Task Until(Func<bool> condition, Func<string> what)
    {
        var end = DateTime.UtcNow.AddSeconds(30);
        while (!condition())
        {
            Expect(DateTime.UtcNow < end, $"within 30 s {what()}");
            await Task.Delay(20);
        }
    }
}

internal static class Clients
{
    public static CosmosClientOptions Options() => new() { ConnectionMode = ConnectionMode.Gateway, RequestTimeout = TimeSpan.FromSeconds(10) };

    public static async Task<List<T>> All<T>(FeedIterator<T> iterator)
    {
        var all = new List<T>();
        using (iterator)
            while (iterator.HasMoreResults) all.AddRange(await iterator.ReadNextAsync());
        return all;
    }

    public static Task<List<T>> Query<T>(Container container, string text, QueryRequestOptions? options = null) =>
        All(container.GetItemQueryIterator<T>(text, requestOptions: options));
}

/// <summary>An item of the checks.</summary>
internal sealed class Item
{
    public string id { get; set; } = "";
    public string? pk { get; set; }
    public int n { get; set; }
    public string? team { get; set; }
    public string[]? tags { get; set; }
    [Newtonsoft.Json.JsonProperty(NullValueHandling = Newtonsoft.Json.NullValueHandling.Ignore)]
    public int? ttl { get; set; }
    [Newtonsoft.Json.JsonProperty(NullValueHandling = Newtonsoft.Json.NullValueHandling.Ignore)]
    public string? _etag { get; set; }
}
