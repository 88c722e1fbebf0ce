// Which settings make a model think and its thoughts seen. By the model's own name: a deployment may be called anything.

@export()
@description('The settings of models.json for a model: of every entry that its name begins with, the longer over the shorter. All lengths that occur there are tried, with neither lambda nor condition: the model of an existing deployment is known to Azure alone, and those must be known before.')
func thinkingOf(table object, model string) object =>
  union(
    table[?take(model, 5)] ?? {},
    table[?take(model, 9)] ?? {},
    table[?take(model, 10)] ?? {},
    table[?take(model, 11)] ?? {}
  )
