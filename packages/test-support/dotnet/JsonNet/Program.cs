// Rewrites texts with Newtonsoft.Json, as the Functions host does for a message bound as an object: reads an
// object, puts it into an array, and writes it again. The input is a JSON array of texts. The output is an
// array of the results; null stands for a text that could not be read.

using System.Text;
using Newtonsoft.Json;

using var input = new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false));
var texts = System.Text.Json.JsonSerializer.Deserialize<string[]>(input.ReadToEnd())!;
var rewritten = texts.Select(Rewrite).ToArray();
using var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false));
output.Write(System.Text.Json.JsonSerializer.Serialize(rewritten));

static string? Rewrite(string text)
{
    try
    {
        var array = new[] { JsonConvert.DeserializeObject(text, typeof(object)) };
        return JsonConvert.SerializeObject(array, Formatting.None)[1..^1];
    }
    catch (Exception error) when (error is JsonException or ArgumentOutOfRangeException or NullReferenceException)
    {
        return null;
    }
}
