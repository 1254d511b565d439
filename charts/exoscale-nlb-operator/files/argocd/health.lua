-- How NetworkLoadBalancers, NLBServices and NodeIdentities are, for Argo CD: by
-- their conditions, as kstatus reads them.
local health = { status = "Progressing", message = "The operator hasn't looked at it yet" }

local function condition(kind)
  if obj.status == nil or obj.status.conditions == nil then
    return nil
  end
  for _, c in ipairs(obj.status.conditions) do
    if c.type == kind then
      return c
    end
  end
  return nil
end

local function holds(c)
  return c ~= nil and c.status == "True"
end

local stalled, reconciling, ready = condition("Stalled"), condition("Reconciling"), condition("Ready")
local backends = condition("BackendsHealthy")

if obj.metadata.deletionTimestamp ~= nil then
  health.message = "Being deleted"
  if holds(stalled) then
    health.message = "Being deleted, and waits: " .. stalled.message
  end
elseif obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health
elseif holds(stalled) then
  health.status = "Degraded"
  health.message = stalled.reason .. ": " .. stalled.message
elseif holds(reconciling) then
  health.message = reconciling.reason .. ": " .. reconciling.message
elseif holds(ready) then
  health.status = "Healthy"
  health.message = ready.message
  -- Outside of Ready, since Pods that aren't there yet are no fault of it.
  if backends ~= nil and backends.status == "False" then
    health.message = backends.message
  end
elseif ready ~= nil then
  health.message = ready.reason .. ": " .. ready.message
end

return health
