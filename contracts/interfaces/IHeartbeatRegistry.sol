// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

/// @title Evidence: who was up in which hour
/// @notice An hour is floor(unix seconds / 3600), named by its start. Cycle n >= 1 owns the 24 hours that start in
/// [open(n), open(n + 1)); cycle 1 opens at `FIRST_CUT` and cut(n) = open(n + 1). Cycle 0 is the time before.
/// Validators are counted in words: index i is bit (i % 256) of word (i / 256).
interface IHeartbeatRegistry {
    /// @param node Address that beats; one validator per node address.
    /// @param fund Address that is paid; several nodes may share one.
    /// @param weight Share of the pool in the weighted split, in any unit that is the same for all.
    struct Entry {
        address node;
        address fund;
        uint96 weight;
    }

    /// @param activeFrom First cycle in which the validator counts.
    /// @param activeTo Last cycle in which it counts; type(uint32).max while it has not been removed.
    struct Validator {
        address node;
        address fund;
        uint96 weight;
        uint32 activeFrom;
        uint32 activeTo;
    }

    /// @param words Roster words that every snapshot of the cycle has; 0 when nothing was pushed.
    /// @param snapshots Hours that at least a majority of the cycle's reporters pushed: the denominator of the rate.
    /// @param missing Bit h is set when hour h (0 … 23) of the cycle does not count.
    /// @param isFinal No push can change the cycle any more, or none is waited for (R-04).
    struct Record {
        uint32 words;
        uint8 snapshots;
        uint24 missing;
        bool isFinal;
    }

    /// @notice A reporter pushed an hour. `words` holds the bits this push added; the union over a reporter's events of
    /// an hour is what it said, so that a verifier needs no transaction input.
    event SnapshotPushed(uint32 indexed hour, address indexed reporter, uint256[] words);
    event RecordFrozen(uint32 indexed cycle);
    event RecordCleared(uint32 indexed cycle);
    event ValidatorAdded(
        uint32 indexed index,
        address indexed node,
        address indexed fund,
        uint96 weight,
        uint32 activeFrom
    );
    event ValidatorRemoved(uint32 indexed index, uint32 activeTo);
    event FundChanged(uint32 indexed index, address indexed fund, uint32 fromCycle);
    event WeightChanged(uint32 indexed index, uint96 weight, uint32 fromCycle);
    event FundRedirected(address indexed fund, address indexed to, uint32[] indices);
    event ReporterAdded(address indexed reporter, uint8 seat, uint32 fromCycle);
    event ReporterRemoved(address indexed reporter, uint8 seat, uint32 toCycle);
    event ReporterExpelled(address indexed reporter, uint8 seat);
    event RewardsSet(address indexed rewards);

    error NotReporter(address caller, uint32 cycle);
    error NotRewards(address caller);
    error NotDeployer(address caller);
    error RewardsAlreadySet(address rewards);
    error RewardsNotSet();
    error HourBeforeFirstCut(uint32 hour, uint32 firstHour);
    error HourNotOver(uint32 hour, uint256 endsAt);
    error HourTooOld(uint32 hour, uint256 closedAt);
    error CycleSettled(uint32 cycle);
    error LaneBusy(uint32 cycle);
    error EmptyRoster();
    error WrongWordCount(uint256 given, uint256 expected);
    error BitsBeyondRoster(uint256 word, uint256 size);
    error RosterFull(uint256 wanted, uint256 limit);
    error ListTooLong(uint256 given, uint256 limit);
    error ListEmpty();
    error LengthMismatch(uint256 left, uint256 right);
    error DuplicateNode(address node, uint32 index);
    error UnknownValidator(uint32 index);
    error UnknownNode(address node);
    error ValidatorGone(uint32 index, uint32 activeTo);
    error ZeroAddress();
    error ForbiddenFund(address fund);
    error NotFundOwner(address caller, address owner);
    error FundMismatch(uint32 index, address fund);
    error ReporterKnown(address reporter);
    error ReporterUnknown(address reporter);
    error ReporterIsKeeper(address reporter);
    error TooManyReporters(uint256 limit);
    error ReporterChangePending(uint32 cycle);
    error RateOutOfRange(uint256 rateBps);
    error BadGrid(uint256 firstCut, uint256 pushWindow);

    /// @notice Stores one hour: bit i of the set says validator i was up. A second push of the same hour by the same
    /// reporter is merged by union. Any number of online validators, none included, counts in the denominator.
    /// @param words One bit a validator, as many words as `record(cycle).words` or, for the first push of a cycle,
    /// as the roster has.
    /// @param hour The closed hour: pushed from its end until `PUSH_WINDOW` seconds later.
    /// @dev Reporter of the hour's cycle only. Reverts: NotReporter, HourBeforeFirstCut, HourNotOver, HourTooOld,
    /// CycleSettled, LaneBusy, EmptyRoster, WrongWordCount, BitsBeyondRoster.
    function pushStatus(uint256[] calldata words, uint32 hour) external;

    /// @notice Closes a cycle's evidence while the rewards contract counts it page by page. Rewards contract only.
    function freeze(uint32 cycle) external;

    /// @notice Frees the lane of a settled cycle in O(1): its slots are overwritten, never erased. Rewards only.
    function clearRecord(uint32 cycle) external;

    /// @notice Appends validators; they count from the next cycle on. Admin only.
    /// @dev Reverts: ListEmpty, ListTooLong, RosterFull, DuplicateNode, ZeroAddress, ForbiddenFund, RewardsNotSet.
    function addValidators(Entry[] calldata entries) external;

    /// @notice Removes validators; they count until the current cycle. Earned pay stays. Admin only.
    function removeValidators(uint32[] calldata indices) external;

    /// @notice Changes fund addresses from the next cycle on; cycles decided before keep theirs (R-33). Admin only.
    function setFunds(uint32[] calldata indices, address[] calldata funds) external;

    /// @notice Changes weights from the next cycle on. Admin only.
    function setWeights(uint32[] calldata indices, uint96[] calldata weights) external;

    /// @notice Sends what the roster pays to `fund` for these validators to another address, at once and for unpaid
    /// cycles too. Only who holds their pay now: `fund` itself or, for a validator redirected before, the address it
    /// was redirected to.
    /// @param cycle A cycle in which `fund` is the fund address of all `indices`.
    function redirect(address fund, uint32 cycle, uint32[] calldata indices, address to) external;

    /// @notice Adds a reporter from the next cycle on. Admin only; never an address with the keeper role.
    function addReporter(address reporter) external;

    /// @notice Removes a reporter from the next cycle on. Admin only.
    function removeReporter(address reporter) external;

    /// @notice Silences a reporter at once and takes its pushes out of all open cycles. Guardian only. Set and
    /// majority of the open cycles stay as they were.
    function expelReporter(address reporter) external;

    /// @notice Names the rewards contract, once. Deployer only.
    function setRewards(address rewards) external;

    function FIRST_CUT() external view returns (uint40);
    function PUSH_WINDOW() external view returns (uint32);
    function rewards() external view returns (address);

    /// @return The cycle that owns the second `timestamp`; 0 before the first cut.
    function cycleAt(uint256 timestamp) external view returns (uint32);

    /// @return Unix seconds at which cycle n ends; pay for it is decided at or after this instant.
    function cutOf(uint32 cycle) external view returns (uint256);

    /// @return Validators ever registered, the pending and the removed ones included: the next index.
    function validatorCount() external view returns (uint32);

    /// @return Words that a push for the cycle must have.
    function wordCountOf(uint32 cycle) external view returns (uint256);

    /// @return Highest cycle that the rewards contract settled; 0 for none.
    function settledThrough() external view returns (uint32);
    function record(uint32 cycle) external view returns (Record memory);

    /// @return Hours that count in the open cycle.
    function snapshotCount() external view returns (uint256);
    function snapshotCount(uint32 cycle) external view returns (uint256);

    /// @return The hours of a cycle that count, as hours since 1970.
    function snapshotHours(uint32 cycle) external view returns (uint32[] memory);

    /// @return One reporter's words of an hour; empty when it did not push it or the lane was reused.
    function snapshotOf(uint32 hour, address reporter) external view returns (uint256[] memory);

    /// @return Hours in which a majority saw validator `index` up, in the open cycle or in `cycle`.
    function appearances(uint32 index) external view returns (uint256);
    function appearances(uint32 index, uint32 cycle) external view returns (uint256);

    /// @return Online rate in bps, rounded down, for showing; eligibility is decided without division.
    function onlineRate(uint32 index) external view returns (uint256);
    function onlineRate(uint32 index, uint32 cycle) external view returns (uint256);

    /// @return Node addresses with appearances * 10,000 >= rateBps * snapshots; empty without snapshots.
    function getNodeList(uint256 rateBps) external view returns (address[] memory);
    function getNodeList(uint256 rateBps, uint32 cycle) external view returns (address[] memory);

    /// @return eligible Words [first, first + count) of validators that meet the rate and were active at the cycle's
    /// opening. Zero words without snapshots.
    function eligibleWords(
        uint32 cycle,
        uint256 rateBps,
        uint256 first,
        uint256 count
    ) external view returns (uint256[] memory eligible);

    /// @return masks Validators active in the cycle.
    /// @return pages Roster page in force: an address whose code, after one byte, holds 32 bytes a validator: fund
    /// (20), weight (12). Bit 160 is set when a validator of the word has redirected its pay.
    function rosterWords(
        uint32 cycle,
        uint256 first,
        uint256 count
    ) external view returns (uint256[] memory masks, uint256[] memory pages);

    /// @return pages As in `rosterWords`, for listed words; 0 for a word that the cycle does not have.
    function rosterPages(
        uint32 cycle,
        uint256[] calldata words
    ) external view returns (uint256[] memory pages);

    /// @return Validators of the word whose pay a fund address of theirs, of any cycle, has redirected.
    function redirectMask(uint256 word) external view returns (uint256);

    /// @return Address that gets what the roster pays to `fund` for the validator; `fund` itself without a redirect.
    function redirectOf(address fund, uint32 index) external view returns (address);

    /// @return Address that is paid for the validator in the cycle, redirects included.
    function fundOf(uint32 cycle, uint32 index) external view returns (address);
    function validator(uint32 index) external view returns (Validator memory);

    /// @return The newest index of a node. Reverts UnknownNode.
    function indexOf(address node) external view returns (uint32);
    function isReporter(address account) external view returns (bool);

    /// @return Addresses that may push for the cycle.
    function reportersOf(uint32 cycle) external view returns (address[] memory);
}
